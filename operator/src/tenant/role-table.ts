/**
 * What people of a tenant may do in its namespace: the Roles, their page in the documentation and their test all come from this table.
 * None may change what holds the tenant in (quota, policies, roles), run pods of their own, enter pods, or read the credentials of Postgres and Redis.
 */
import { group } from '@cloister/tenancy';

/** Each may also do all that the ones before it may. */
export const roleNames = ['viewer', 'editor', 'owner'] as const;
export type RoleName = (typeof roleNames)[number];

/** Objects of which the tenant's spec says the names. */
export type Named = 'API keys' | 'keys for model providers';

export interface Right {
  /** The least role that has it. */
  readonly role: RoleName;
  readonly apiGroup: string;
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  /** Only objects by these names. */
  readonly only?: Named;
  readonly why: string;
}

const look = ['get', 'list', 'watch'];
const core = '';

export const rights: readonly Right[] = [
  { role: 'viewer', apiGroup: group, resources: ['agentconfigs'], verbs: look, why: 'which agents there are, and why one is not Ready' },
  {
    role: 'viewer',
    apiGroup: core,
    resources: ['pods', 'events', 'resourcequotas', 'limitranges'],
    verbs: look,
    why: 'why a pod does not start, and how much room is left',
  },
  { role: 'viewer', apiGroup: core, resources: ['pods/log'], verbs: ['get'], why: 'what agents say' },
  { role: 'viewer', apiGroup: 'events.k8s.io', resources: ['events'], verbs: look, why: 'what the operator says' },
  { role: 'editor', apiGroup: group, resources: ['agentconfigs'], verbs: ['create', 'update', 'patch', 'delete'], why: 'change agents' },
  { role: 'editor', apiGroup: group, resources: ['agentconfigs/scale'], verbs: ['get', 'update', 'patch'], why: '`kubectl scale`' },
  // By name: a right to list Secrets would show the credentials of Postgres and Redis as well.
  {
    role: 'owner',
    apiGroup: core,
    resources: ['secrets'],
    verbs: ['get'],
    only: 'API keys',
    why: 'hand out the keys by which callers come in',
  },
  // Not to create one, which no name can bound. To read it, because the answer to a patch is the whole object.
  {
    role: 'owner',
    apiGroup: core,
    resources: ['secrets'],
    verbs: ['get', 'patch'],
    only: 'keys for model providers',
    why: "replace or empty a key of the tenant's own where `spec.providerKeys` says `writableByOwners`",
  },
];

export const rightsOf = (role: RoleName): Right[] => rights.filter((right) => roleNames.indexOf(right.role) <= roleNames.indexOf(role));
