/** Ways past what is refused for an object itself: its subresources, what Kubernetes' controllers act on, and deletions that leave things behind. */
import { kindOf, type Attempt } from './api-server.ts';
import { agent, create, namespace, patch, podSpec, remove } from './attempts.ts';

const cloister = 'cloister.dev/v1alpha1';
const selected = { matchLabels: { app: 'own' } };
const template = { metadata: { labels: { app: 'own' } }, spec: podSpec() };
const object = (apiVersion: string, kindName: string, spec: object) => ({
  kind: kindOf({ apiVersion, kind: kindName }),
  desired: { metadata: { name: 'own', namespace }, spec },
});
/** Of the tenant's own, without anything that is refused. */
export const own = [
  object('v1', 'Pod', podSpec()),
  object('apps/v1', 'Deployment', { replicas: 0, selector: selected, template }),
  object(cloister, 'AgentConfig', { model: 'a/b' }),
];

const by = (subresource: string, attempt: Attempt): Attempt => ({ ...attempt, path: `${attempt.path}/${subresource}` });
const status = (...[apiVersion, kindName, name, body]: Parameters<typeof patch>): Attempt =>
  by('status', patch(apiVersion, kindName, name, body));
const asked = (attempt: Attempt, query: string): Attempt => ({ ...attempt, path: `${attempt.path}?${query}` });

const binding = {
  apiVersion: 'v1',
  kind: 'Binding',
  metadata: { name: 'own', labels: agent },
  target: { apiVersion: 'v1', kind: 'Node', name: 'any' },
};
const pods = `/api/v1/namespaces/${namespace}/pods`;
const finalize: Attempt = {
  method: 'PUT',
  path: `/api/v1/namespaces/${namespace}/finalize`,
  body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace }, spec: { finalizers: ['kubernetes'] } },
};
const unowned = { metadata: { ownerReferences: null } };
const unlabelled = { metadata: { labels: null } };
const orphan = /agentconfigs ".*".*leaves pods behind.*Tenant "acme".*without --cascade=orphan/;

export const subresources: readonly (readonly [string, Attempt, RegExp])[] = [
  [
    'being no tenant, by the status of its namespace',
    status('v1', 'Namespace', namespace, { metadata: { labels: { 'cloister.dev/tenant': null } } }),
    /namespace "tenant-acme": label cloister\.dev\/tenant isolates Tenant "acme".*leave it as it is/,
  ],
  [
    'another Pod Security level, by that status',
    status('v1', 'Namespace', namespace, { metadata: { labels: { 'pod-security.kubernetes.io/enforce': 'privileged' } } }),
    /label pod-security\.kubernetes\.io\/enforce/,
  ],
  [
    'making another namespace a tenant’s, by its status',
    status('v1', 'Namespace', 'people', { metadata: { labels: { 'cloister.dev/tenant': 'x' } } }),
    /namespace "people": label cloister\.dev\/tenant/,
  ],
  ['being no tenant, by finalizing its namespace', finalize, /namespace "tenant-acme": label .* isolates Tenant "acme"/],
  [
    'holding on to its namespace',
    patch('v1', 'Namespace', namespace, { metadata: { finalizers: ['example.com/keep'] } }),
    /namespace "tenant-acme": metadata\.ownerReferences and finalizers.*when Tenant "acme" loses/,
  ],
  [
    'the labels of agents for a pod that is there',
    status('v1', 'Pod', 'own', { metadata: { labels: agent } }),
    /pods\/status "own" in namespace "tenant-acme".*kubelet/,
  ],
  [
    'another address for a pod, which policies would go by',
    status('v1', 'Pod', 'own', { status: { podIPs: [{ ip: '10.0.0.1' }], podIP: '10.0.0.1' } }),
    /pods\/status "own".*kubelet/,
  ],
  [
    'the labels of agents by binding a pod to a node',
    { method: 'POST', path: `${pods}/own/binding`, body: binding },
    /pods\/binding "own".*labels.*scheduler/,
  ],
  [
    'binding it by the older way',
    { method: 'POST', path: `/api/v1/namespaces/${namespace}/bindings`, body: binding },
    /bindings "own".*labels.*scheduler/,
  ],
  [
    'a revision of which Kubernetes would make such pods',
    create('apps/v1', 'ControllerRevision', { metadata: { name: 'mine' }, revision: 1, data: { spec: { template } } }),
    /controllerrevisions "mine".*StatefulSet.*leave it out/,
  ],
  [
    'other pods of an agent',
    by('scale', patch('apps/v1', 'Deployment', 'support', { spec: { replicas: 9 } })),
    /deployments\/scale "support".*AgentConfig/,
  ],
  [
    'taking a Deployment from its agent',
    status('apps/v1', 'Deployment', 'support', unowned),
    /deployments\/status "support".*change the AgentConfig/,
  ],
  ['deleting the Deployment of an agent', remove('apps/v1', 'Deployment', 'support'), /deployments "support".*change the AgentConfig/],
  ['taking the Service of an agent', status('v1', 'Service', 'support', unlabelled), /services\/status "support".*Kubernetes/],
  [
    'taking the autoscaler of an agent',
    status('autoscaling/v2', 'HorizontalPodAutoscaler', 'support', unlabelled),
    /horizontalpodautoscalers\/status "support".*labelled as the operator's/,
  ],
  [
    'taking the disruption budget of an agent',
    status('policy/v1', 'PodDisruptionBudget', 'support', unlabelled),
    /poddisruptionbudgets\/status "support".*labelled as the operator's/,
  ],
  [
    'telling how an agent is',
    status(cloister, 'AgentConfig', 'own', { status: { replicas: 9 } }),
    /agentconfigs\/status "own".*what the operator has seen/,
  ],
  ['an agent whose pods stay when it goes', asked(remove(cloister, 'AgentConfig', 'own'), 'propagationPolicy=Orphan'), orphan],
  ['that in the older words', asked(remove(cloister, 'AgentConfig', 'own'), 'orphanDependents=true'), orphan],
  ['that for all agents at once', asked(allAgents(), 'propagationPolicy=Orphan'), orphan],
];

export const allowedOfOwn: readonly (readonly [string, Attempt])[] = [
  ['scale a Deployment of its own', by('scale', patch('apps/v1', 'Deployment', 'own', { spec: { replicas: 1 } }))],
  ['delete a Deployment of its own', remove('apps/v1', 'Deployment', 'own')],
  ['tell how a Deployment of its own is', status('apps/v1', 'Deployment', 'own', { status: { replicas: 1 } })],
  ['scale an agent', by('scale', patch(cloister, 'AgentConfig', 'own', { spec: { replicas: 2 } }))],
  ['delete an agent', remove(cloister, 'AgentConfig', 'own')],
  ['delete an agent once its pods are gone', asked(remove(cloister, 'AgentConfig', 'own'), 'propagationPolicy=Foreground')],
];

/** Of the ReplicaSet that Kubernetes made of an agent's Deployment. */
export const ofReplicaSet = (name: string): readonly Attempt[] => [
  status('apps/v1', 'ReplicaSet', name, unlabelled),
  by('scale', patch('apps/v1', 'ReplicaSet', name, { spec: { replicas: 9 } })),
  asked(remove('apps/v1', 'ReplicaSet', name), 'propagationPolicy=Orphan'),
];

function allAgents(): Attempt {
  const { path, method } = remove(cloister, 'AgentConfig', 'own');
  return { method, path: path.replace(/\/own$/, '') };
}
