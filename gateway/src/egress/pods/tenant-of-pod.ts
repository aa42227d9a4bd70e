import type { TenantPolicy } from '@cloister/tenancy';
import type { IncomingHttpHeaders } from 'node:http';
import type { Policies } from '../../directory/directory.ts';
import { fail } from '../errors.ts';
import { podOf, tokenRejected } from './bearer.ts';
import type { VerifyPod } from './pod-token.ts';

/**
 * The tenant whose pod calls: that of the token's namespace, if it knows this very ServiceAccount. The UID is compared beside the name,
 * so a token outlives neither its account nor its tenant. Rejects with `token_invalid`.
 */
export async function tenantOfPod(headers: IncomingHttpHeaders, verify: VerifyPod, policies: Policies): Promise<TenantPolicy> {
  const pod = await podOf(headers, verify);
  const policy = pod && policies.byNamespace(pod.namespace);
  if (!pod || !policy) throw tokenRejected();
  const expected = Object.hasOwn(policy.serviceAccounts, pod.serviceAccount.name) && policy.serviceAccounts[pod.serviceAccount.name];
  if (expected !== pod.serviceAccount.uid) throw tokenRejected();
  return policy;
}

/** The pod says which of the tenant's agents it is; a name that the tenant does not have is not kept. */
export function agentOf(headers: IncomingHttpHeaders, { agents }: TenantPolicy): string {
  const said = headers['x-cloister-agent'];
  return agents.find(({ name }) => name === said)?.name ?? '';
}

/** Throws `tenant_not_active`. */
export function requireActive({ tenant, state }: TenantPolicy): void {
  if (state !== 'Active') throw fail('tenant_not_active', { values: { tenant, state } });
}
