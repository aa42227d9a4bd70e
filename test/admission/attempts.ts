/** What somebody might try in a tenant's namespace who holds every right there, and what the API server must say to it. */
import { pathOf } from 'kube-runtime';
import { kindOf, type Attempt } from './api-server.ts';

export const namespace = 'tenant-acme';
export const clusterAdmin = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' };
export const account = (name: string, of: string) => ({ kind: 'ServiceAccount', name, namespace: of });

type Body = Readonly<Record<string, unknown>> & { readonly metadata: Readonly<Record<string, unknown>> & { readonly name: string } };

export function create(apiVersion: string, name: string, body: Body): Attempt {
  const of = kindOf({ apiVersion, kind: name });
  const metadata = of.namespaced ? { namespace, ...body.metadata } : body.metadata;
  return {
    method: 'POST',
    path: pathOf(of, { namespace: of.namespaced ? namespace : undefined }),
    body: { apiVersion, kind: name, ...body, metadata },
  };
}
export const patch = (apiVersion: string, kindName: string, name: string, body: unknown): Attempt => ({
  method: 'PATCH',
  path: pathOf(kindOf({ apiVersion, kind: kindName }), at(kindName, name)),
  body,
});
export const remove = (apiVersion: string, kindName: string, name: string): Attempt => ({
  method: 'DELETE',
  path: pathOf(kindOf({ apiVersion, kind: kindName }), at(kindName, name)),
});
const at = (kindName: string, name: string) => (kindName === 'Namespace' ? { name } : { name, namespace });

export const agent = { 'app.kubernetes.io/name': 'cloister', 'app.kubernetes.io/component': 'agent' };
const labelled = { 'cloister.dev/tenant': 'acme', 'app.kubernetes.io/managed-by': 'cloister' };
export const podSpec = (more: object = {}) => ({
  securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
  containers: [
    { name: 'x', image: 'x', securityContext: { allowPrivilegeEscalation: false, runAsUser: 1, capabilities: { drop: ['ALL'] } } },
  ],
  ...more,
});
const workload = (labels: Readonly<Record<string, string>>, more: object = {}) => ({
  metadata: { name: 'mine' },
  spec: { selector: { matchLabels: { app: 'mine' } }, template: { metadata: { labels: { app: 'mine', ...labels } }, spec: podSpec(more) } },
});
const job = (labels: Readonly<Record<string, string>>) => ({
  template: { metadata: { labels }, spec: podSpec({ restartPolicy: 'Never' }) },
});
const rbac = 'rbac.authorization.k8s.io/v1';
const net = 'networking.k8s.io/v1';
export const anyPolicy = { metadata: { name: 'mine' }, spec: { podSelector: {}, egress: [{}], policyTypes: ['Egress'] } };
const connectTo = (what: string): Attempt => ({ method: 'GET', path: `/api/v1/namespaces/${namespace}/pods/any/${what}` });

export const refused: readonly (readonly [string, Attempt, RegExp])[] = [
  [
    'a policy of its own',
    create(net, 'NetworkPolicy', anyPolicy),
    /networkpolicies "mine" in namespace "tenant-acme": policies add up.*remove it/,
  ],
  ['changing a policy', patch(net, 'NetworkPolicy', 'agents', { spec: { egress: [{}] } }), /networkpolicies "agents".*policies add up/],
  ['deleting a policy', remove(net, 'NetworkPolicy', 'default-deny'), /networkpolicies "default-deny".*policies add up/],
  [
    'a larger quota',
    patch('v1', 'ResourceQuota', 'tenant', { spec: { hard: { pods: '99' } } }),
    /resourcequotas "tenant".*spec\.quota of Tenant "acme"/,
  ],
  ['no quota', remove('v1', 'ResourceQuota', 'tenant'), /resourcequotas "tenant".*spec\.quota/],
  [
    'a quota counted anew',
    {
      ...patch('v1', 'ResourceQuota', 'tenant', { status: { used: { pods: '0' } } }),
      path: `/api/v1/namespaces/${namespace}/resourcequotas/tenant/status`,
    },
    /resourcequotas\/status "tenant".*spec\.quota/,
  ],
  ['another limit range', remove('v1', 'LimitRange', 'tenant'), /limitranges "tenant".*spec\.quota/],
  ['taking a role away', remove(rbac, 'Role', 'cloister-viewer'), /roles "cloister-viewer".*spec\.owners of Tenant "acme"/],
  [
    'a role in place of the operator’s',
    create(rbac, 'Role', { metadata: { name: 'cloister-guest' }, rules: [] }),
    /roles "cloister-guest".*metadata\.name that does not begin with "cloister-"/,
  ],
  [
    'giving a role of the operator’s to somebody',
    create(rbac, 'RoleBinding', {
      metadata: { name: 'cloister-owner' },
      roleRef: { ...clusterAdmin, kind: 'Role', name: 'cloister-owner' },
    }),
    /rolebindings "cloister-owner".*spec\.owners/,
  ],
  [
    'rights for the agents at the API server',
    create(rbac, 'RoleBinding', { metadata: { name: 'mine' }, roleRef: clusterAdmin, subjects: [account('agent', namespace)] }),
    /rolebindings "mine".*subjects has ServiceAccount "agent".*bind another/,
  ],
  [
    'changing the database credentials',
    patch('v1', 'Secret', 'database', { data: { url: 'eA==' } }),
    /secrets "database".*credentials.*another metadata\.name/,
  ],
  ['deleting the Redis credentials', remove('v1', 'Secret', 'redis'), /secrets "redis".*credentials/],
  ['deleting the serving certificate', remove('v1', 'Secret', 'serving'), /secrets "serving".*credentials/],
  [
    'a token of the agents that never ends',
    create('v1', 'Secret', {
      metadata: { name: 'mine', annotations: { 'kubernetes.io/service-account.name': 'agent' } },
      type: 'kubernetes.io/service-account-token',
    }),
    /annotations\[kubernetes\.io\/service-account\.name\] is "agent".*name another ServiceAccount/,
  ],
  [
    'a token of the agents',
    {
      method: 'POST',
      path: `/api/v1/namespaces/${namespace}/serviceaccounts/agent/token`,
      body: { spec: { audiences: ['cloister-egress'] } },
    },
    /serviceaccounts\/token "agent".*use an API key of the tenant/,
  ],
  ['another agents’ ServiceAccount', remove('v1', 'ServiceAccount', 'agent'), /serviceaccounts "agent".*another metadata\.name/],
  [
    'an object in the operator’s name',
    create('v1', 'ConfigMap', { metadata: { name: 'mine', labels: labelled } }),
    /configmaps "mine".*labelled as the operator's.*leave the labels off/,
  ],
  [
    'changing the Service of an agent',
    patch('v1', 'Service', 'support', { spec: { selector: { app: 'mine' } } }),
    /services "support".*labelled as the operator's/,
  ],
  [
    'changing the autoscaler of an agent',
    patch('autoscaling/v2', 'HorizontalPodAutoscaler', 'support', { spec: { maxReplicas: 50 } }),
    /horizontalpodautoscalers "support"/,
  ],
  [
    'answering in the place of agents',
    create('discovery.k8s.io/v1', 'EndpointSlice', { metadata: { name: 'mine' }, addressType: 'IPv4', endpoints: [] }),
    /endpointslices "mine".*Kubernetes writes it from the Service/,
  ],
  [
    'a pod with the labels of agents',
    create('v1', 'Pod', { metadata: { name: 'mine', labels: agent }, spec: podSpec() }),
    /pods "mine".*: metadata\.labels has app\.kubernetes\.io\/name/,
  ],
  [
    'a pod with one of the labels of agents',
    create('v1', 'Pod', { metadata: { name: 'mine', labels: { 'cloister.dev/agent': 'support' } }, spec: podSpec() }),
    /metadata\.labels has cloister\.dev\/agent.*change the AgentConfig instead/,
  ],
  [
    'a pod that is an agent by its account',
    create('v1', 'Pod', { metadata: { name: 'mine' }, spec: podSpec({ serviceAccountName: 'agent' }) }),
    /spec\.serviceAccountName is "agent"/,
  ],
  [
    'a Deployment of such pods',
    create('apps/v1', 'Deployment', workload(agent)),
    /deployments "mine".*spec\.template\.metadata\.labels has/,
  ],
  [
    'a StatefulSet of such pods',
    create('apps/v1', 'StatefulSet', workload({}, { serviceAccountName: 'agent' })),
    /statefulsets "mine".*spec\.template\.spec\.serviceAccountName/,
  ],
  ['a ReplicaSet of such pods', create('apps/v1', 'ReplicaSet', workload(agent)), /replicasets "mine".*spec\.template\.metadata\.labels/],
  ['a DaemonSet of such pods', create('apps/v1', 'DaemonSet', workload(agent)), /daemonsets "mine".*spec\.template\.metadata\.labels/],
  [
    'a Job of such pods',
    create('batch/v1', 'Job', { metadata: { name: 'mine' }, spec: job(agent) }),
    /jobs "mine".*spec\.template\.metadata\.labels/,
  ],
  [
    'a CronJob of such pods',
    create('batch/v1', 'CronJob', { metadata: { name: 'mine' }, spec: { schedule: '* * * * *', jobTemplate: { spec: job(agent) } } }),
    /cronjobs "mine".*spec\.jobTemplate\.spec\.template\.metadata\.labels/,
  ],
  [
    'a ReplicationController of such pods',
    create('v1', 'ReplicationController', {
      metadata: { name: 'mine' },
      spec: { selector: agent, template: { metadata: { labels: agent }, spec: podSpec() } },
    }),
    /replicationcontrollers "mine".*spec\.template\.metadata\.labels/,
  ],
  [
    'another image for an agent',
    patch('apps/v1', 'Deployment', 'support', { metadata: { annotations: { a: 'b' } } }),
    /deployments "support".*change the AgentConfig instead/,
  ],
  ['a shell in a pod', connectTo('exec?command=id&stdout=true'), /pods\/exec "any".*leads past the policies.*read logs instead/],
  ['a look at what a pod writes', connectTo('attach?stdout=true'), /pods\/attach "any"/],
  ['a way into a pod by the API server', connectTo('proxy/'), /pods\/proxy "any"/],
  [
    'a way to a Service by the API server',
    { method: 'GET', path: `/api/v1/namespaces/${namespace}/services/support/proxy/` },
    /services\/proxy "support"/,
  ],
  [
    'a port of a node',
    create('v1', 'Service', { metadata: { name: 'mine' }, spec: { type: 'NodePort', ports: [{ port: 80 }] } }),
    /services "mine".*spec\.type is NodePort.*use ClusterIP/,
  ],
  [
    'a load balancer',
    create('v1', 'Service', { metadata: { name: 'mine' }, spec: { type: 'LoadBalancer', ports: [{ port: 80 }] } }),
    /spec\.type is LoadBalancer/,
  ],
  [
    'a Service that is another host',
    create('v1', 'Service', { metadata: { name: 'mine' }, spec: { type: 'ExternalName', externalName: 'evil.example' } }),
    /spec\.type is ExternalName/,
  ],
  [
    'a Service at an address outside',
    create('v1', 'Service', { metadata: { name: 'mine' }, spec: { externalIPs: ['1.2.3.4'], ports: [{ port: 80 }] } }),
    /spec\.externalIPs.*remove it/,
  ],
  [
    'a host that leads past edge',
    create(net, 'Ingress', {
      metadata: { name: 'mine' },
      spec: { defaultBackend: { service: { name: 'support', port: { number: 80 } } } },
    }),
    /ingresses "mine".*spec\.network\.host of the Tenant/,
  ],
  [
    'another Pod Security level',
    patch('v1', 'Namespace', namespace, { metadata: { labels: { 'pod-security.kubernetes.io/enforce': 'privileged' } } }),
    /namespace "tenant-acme": label pod-security\.kubernetes\.io\/enforce/,
  ],
  [
    'a level for an older Kubernetes',
    patch('v1', 'Namespace', namespace, { metadata: { labels: { 'pod-security.kubernetes.io/enforce-version': 'v1.20' } } }),
    /label pod-security\.kubernetes\.io\/enforce-version/,
  ],
  [
    'being no tenant',
    patch('v1', 'Namespace', namespace, { metadata: { labels: { 'cloister.dev/tenant': null } } }),
    /label cloister\.dev\/tenant isolates Tenant "acme".*leave it as it is/,
  ],
  [
    'being another tenant',
    patch('v1', 'Namespace', namespace, { metadata: { labels: { 'cloister.dev/tenant': 'bravo' } } }),
    /label cloister\.dev\/tenant/,
  ],
  [
    'being nobody’s',
    patch('v1', 'Namespace', namespace, { metadata: { labels: { 'app.kubernetes.io/managed-by': 'me' } } }),
    /label app\.kubernetes\.io\/managed-by/,
  ],
  [
    'an owner for the namespace, with which it would go',
    patch('v1', 'Namespace', namespace, {
      metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'gone', uid: 'gone' }] },
    }),
    /metadata\.ownerReferences/,
  ],
  [
    'deleting its namespace',
    remove('v1', 'Namespace', namespace),
    /namespace "tenant-acme" is that of Tenant "acme".*have the Tenant deleted instead/,
  ],
  [
    'making a tenant’s namespace',
    create('v1', 'Namespace', { metadata: { name: 'tenant-forged', labels: { 'cloister.dev/tenant': 'x' } } }),
    /namespace "tenant-forged": label cloister\.dev\/tenant makes it a tenant's.*apply a Tenant/,
  ],
  [
    'making another namespace a tenant’s',
    patch('v1', 'Namespace', 'people', { metadata: { labels: { 'cloister.dev/tenant': 'x' } } }),
    /namespace "people": label cloister\.dev\/tenant/,
  ],
];

export const allowed: readonly (readonly [string, Attempt])[] = [
  ['have an agent', create('cloister.dev/v1alpha1', 'AgentConfig', { metadata: { name: 'mine' }, spec: { model: 'a/b' } })],
  [
    'bring a shared secret that is labelled as its own',
    create('v1', 'Secret', { metadata: { name: 'jwt', labels: { 'cloister.dev/tenant': 'acme' } } }),
  ],
  ['rotate an API key', remove('v1', 'Secret', 'api-key-default')],
  ['have settings of its own', create('v1', 'ConfigMap', { metadata: { name: 'mine' } })],
  ['have pods of its own, which nothing lets out', create('v1', 'Pod', { metadata: { name: 'mine' }, spec: podSpec() })],
  ['have a Deployment of such', create('apps/v1', 'Deployment', workload({}))],
  ['have a Service within the namespace', create('v1', 'Service', { metadata: { name: 'mine' }, spec: { ports: [{ port: 80 }] } })],
  ['have roles of its own', create(rbac, 'Role', { metadata: { name: 'mine' }, rules: [] })],
  ['have accounts of its own', create('v1', 'ServiceAccount', { metadata: { name: 'mine' } })],
  [
    'note something on its namespace',
    patch('v1', 'Namespace', namespace, { metadata: { labels: { team: 'acme' }, annotations: { a: 'b' } } }),
  ],
];
