import type { Caller, SignCaller } from '@cloister/identity';
import { agentAudienceOf } from '@cloister/tenancy';

/** Seconds for which a signed token is used again: a third of its life, so that an agent always gets one with 40 s left. */
const reuseSeconds = 20;
const mostKept = 10_000;

/** Vouches for a caller towards the tenant's agents. Signing costs more than all other work of edge together, so tokens are reused. */
export function callerTokens(sign: SignCaller, clock: () => number = Date.now): (caller: Caller) => Promise<string> {
  const kept = new Map<string, { readonly token: Promise<string>; readonly until: number }>();
  return (caller) => {
    const key = JSON.stringify([caller.tenant, caller.subject, caller.scopes]);
    const now = clock();
    const known = kept.get(key);
    if (known && known.until > now) return known.token;
    const token = sign(caller, agentAudienceOf(caller.tenant));
    if (kept.size >= mostKept) kept.clear();
    kept.set(key, { token, until: now + reuseSeconds * 1000 });
    return token;
  };
}
