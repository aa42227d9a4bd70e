import type { TenantPolicy } from '@cloister/tenancy';
import type { Source } from '../../../directory/directory.ts';
import type { Administration } from './administration.ts';

/**
 * Passes policies on, and tells of what changed in them: state, budget, limits, models, hosts, agents. They hold no secret.
 * A version is that of the object in the cluster, which grows with every write there.
 */
export function recordedPolicies(into: Source<TenantPolicy>, administration: Pick<Administration, 'tell'>): Source<TenantPolicy> {
  const known = new Map<string, TenantPolicy>();
  const tell = (policy: TenantPolicy, version: number, state: object | undefined) =>
    administration.tell({ tenantUid: policy.uid, tenant: policy.tenant, what: 'policy', part: 'operator', version, state });
  return {
    put: (name, policy, version) => {
      into.put(name, policy, version);
      known.set(name, policy);
      const { tenant: _tenant, uid: _uid, ...state } = policy;
      tell(policy, Number(version), state);
    },
    remove: (name, version) => {
      into.remove(name, version);
      const policy = known.get(name);
      if (!policy) return;
      known.delete(name);
      // A list that has it no more gives the version of the last that was seen: it went after that one.
      tell(policy, Number(version) + 0.5, undefined);
    },
  };
}
