import type { Caller, SignCaller } from '@cloister/identity';
import { agentAudienceOf } from '@cloister/tenancy';
import { reused } from './reused.ts';

/** Vouches for a caller towards the tenant's agents. */
export function callerTokens(sign: SignCaller, clock?: () => number): (caller: Caller) => Promise<string> {
  // Neither scopes nor tenants hold such marks, so that no subject can pass for more than itself.
  const textOf = ({ tenant, subject, scopes }: Caller) => `${scopes.join(' ')}|${tenant}|${subject}`;
  return reused({ sign: (caller) => sign(caller, agentAudienceOf(caller.tenant)), textOf }, clock);
}
