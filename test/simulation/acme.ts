/** The tenant that most workloads are about, and its two agents. */
import { namespaceOf } from '@cloister/tenancy';
import type { Act } from './workloads.ts';

export const acme: Act = ({ person }) => person.tenant('acme', { owners: [{ kind: 'User', name: 'ada', role: 'owner' }] });
export const agents: Act = async ({ person }) => {
  await person.agent('acme', 'support');
  await person.agent('acme', 'sales', { replicas: 2 });
};
export const established = [acme, agents];
export const namespace = namespaceOf('acme');
