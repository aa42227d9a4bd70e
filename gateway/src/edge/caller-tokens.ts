import type { Caller, SignCaller } from '@cloister/identity';
import { agentAudienceOf } from '@cloister/tenancy';
import { reused } from './reused.ts';

/** Vouches for a caller towards the tenant's agents. */
export function callerTokens(sign: SignCaller, clock?: () => number): (caller: Caller) => Promise<string> {
  const signed = reused((caller: Caller) => sign(caller, agentAudienceOf(caller.tenant)), clock);
  return ({ tenant, subject, scopes }) => signed({ tenant, subject, scopes });
}
