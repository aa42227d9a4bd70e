/** Generated contents of the kinds that fence in, let in and scale what operators run. */
import fc from 'fast-check';
import type { KindName } from './kinds.fixture.ts';
import { conditions, often, optional, some, word } from './arbitraries.ts';

/** Now and then a list of nothing, which is not the same as none until it is stored. */
const list = <T>(items: fc.Arbitrary<T>, maxLength = 2): fc.Arbitrary<T[]> => fc.array(items, { maxLength });

const serviceAccount = optional({
  automountServiceAccountToken: fc.boolean(),
  secrets: fc.uniqueArray(fc.record({ name: fc.constantFrom('s', 't', 'u') }), { maxLength: 2, selector: ({ name }) => name }),
  imagePullSecrets: list(fc.record({ name: fc.constantFrom('p', 'q') })),
});

const amount = fc.constantFrom('100m', '0.1', '1', '2', '1000m');
const amounts = some(amount, 'cpu', 'memory');
const limit = fc.oneof(
  { weight: 4, arbitrary: optional({ default: amounts, defaultRequest: amounts }).map((each) => ({ type: 'Container', ...each })) },
  { weight: 2, arbitrary: optional({ max: amounts, min: amounts }).map((each) => ({ type: 'Container', ...each })) },
  { weight: 2, arbitrary: optional({ max: amounts, min: amounts }).map((each) => ({ type: 'Pod', ...each })) },
  { weight: 1, arbitrary: optional({ default: amounts }).map((each) => ({ type: 'Pod', ...each })) },
);

const strings = (...values: readonly string[]) => list(fc.constantFrom(...values));
const rule = fc
  .record({
    verbs: fc.oneof({ weight: 6, arbitrary: fc.constant(['get']) }, { weight: 1, arbitrary: strings('get', 'list') }),
    apiGroups: fc.oneof({ weight: 6, arbitrary: fc.constant(['']) }, { weight: 1, arbitrary: strings('', 'apps') }),
    resources: fc.oneof({ weight: 6, arbitrary: fc.constant(['secrets']) }, { weight: 1, arbitrary: strings('secrets', 'configmaps') }),
    resourceNames: fc.option(strings('one', 'two'), { nil: undefined }),
    nonResourceURLs: often<readonly string[] | undefined>(undefined, [], ['/healthz']),
  })
  .map(({ resourceNames, nonResourceURLs, ...rest }) => ({
    ...rest,
    ...(resourceNames && { resourceNames }),
    ...(nonResourceURLs && { nonResourceURLs }),
  }));

const rbac = 'rbac.authorization.k8s.io';
const roleRef = fc.oneof(
  { weight: 8, arbitrary: fc.constant({ apiGroup: rbac, kind: 'Role', name: 'r' }) },
  { weight: 4, arbitrary: fc.constant({ kind: 'Role', name: 'r' }) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      { apiGroup: rbac, kind: 'ClusterRole', name: 'r' },
      { apiGroup: rbac, kind: 'Role', name: 's' },
      { apiGroup: 'apps', kind: 'Role', name: 'r' },
      { kind: 'User', name: 'r' },
      { kind: 'Role' },
    ),
  },
);
const subject = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.constantFrom<object>(
      { kind: 'User', name: 'ann' },
      { kind: 'User', name: 'ann', apiGroup: rbac },
      { kind: 'Group', name: 'staff' },
      { kind: 'ServiceAccount', name: 'agent', namespace: 'n' },
      { kind: 'ServiceAccount', name: 'agent', apiGroup: '', namespace: '' },
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom<object>(
      { kind: 'Robot', name: 'r' },
      { kind: 'User' },
      { kind: 'ServiceAccount', name: 'agent', apiGroup: rbac },
    ),
  },
);

const selector = fc.oneof(
  optional({ matchLabels: some(word, 'app', 'tier') }),
  fc.constantFrom<object>({}, { matchExpressions: [] }, { matchExpressions: [{ key: 'app', operator: 'In', values: ['1'] }] }),
);
const ipBlock = fc.constantFrom<object>(
  { cidr: '10.0.0.0/8' },
  { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] },
  { cidr: '0.0.0.0/0', except: [] },
);
const peer = fc.oneof(
  { weight: 3, arbitrary: fc.record({ podSelector: selector }) },
  { weight: 3, arbitrary: fc.record({ podSelector: selector, namespaceSelector: selector }) },
  { weight: 3, arbitrary: fc.record({ ipBlock }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<object>(
      {},
      { ipBlock: { cidr: '10.0.0.0/8' }, podSelector: {} },
      { ipBlock: { cidr: 'none' } },
      { ipBlock: { cidr: '10.0.0.1/8' } },
      { ipBlock: { cidr: '10.0.0.0/8', except: ['10.0.0.0/8'] } },
      { ipBlock: { cidr: '10.0.0.0/8', except: ['192.168.0.0/16'] } },
    ),
  },
);
const policyPort = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.constantFrom<object>(
      { port: 80 },
      { protocol: 'TCP', port: 80 },
      { protocol: 'UDP', port: 53 },
      { port: 'http' },
      { port: 80, endPort: 90 },
      { protocol: 'TCP' },
      {},
    ),
  },
  { weight: 1, arbitrary: fc.constantFrom<object>({ port: 0 }, { port: 80, endPort: 79 }, { port: 'http', endPort: 80 }, { endPort: 80 }) },
);
const networkPolicySpec = optional({
  podSelector: selector,
  policyTypes: fc.constantFrom<readonly string[]>(['Ingress'], ['Egress'], ['Ingress', 'Egress'], ['Egress', 'Ingress'], [], ['Other']),
  ingress: list(optional({ from: list(peer), ports: list(policyPort) })),
  egress: list(optional({ to: list(peer), ports: list(policyPort) })),
});

const service = (port: object) => ({ service: { name: 'edge', port } });
const backend = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom<object>(service({ number: 80 }), service({ number: 81 }), service({ name: 'http' })) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<object>({}, service({}), service({ name: 'http', number: 80 }), { resource: { kind: 'Widget', name: 'a' } }),
  },
);
const path = fc
  .record({
    path: often<string | undefined>('/', '/a', undefined, 'a'),
    pathType: often<string | undefined>('Prefix', 'Exact', 'ImplementationSpecific', undefined),
    backend,
  })
  .map(({ path, pathType, backend }) => ({ backend, ...(path && { path }), ...(pathType && { pathType }) }));
const ingressRule = fc
  .record({ host: often('a.example.com', '*.example.com', '192.0.2.1', 'no host'), paths: fc.array(path, { maxLength: 2 }) })
  .map(({ host, paths }) => ({ host, http: { paths } }));
const ingressSpec = optional({
  ingressClassName: fc.constantFrom('nginx', 'other'),
  tls: list(optional({ hosts: strings('a.example.com'), secretName: fc.constant('tls') })),
  rules: list(ingressRule, 1),
  defaultBackend: backend,
});

const share = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom<string | number>(0, 1, 2, '50%', '100%') },
  { weight: 1, arbitrary: fc.constantFrom<string | number>(-1, '101%', 'half', '1') },
);
const budgetSpec = fc
  .record({
    bound: fc.oneof(
      { weight: 4, arbitrary: fc.record({ minAvailable: share }) },
      { weight: 4, arbitrary: fc.record({ maxUnavailable: share }) },
      { weight: 1, arbitrary: fc.record({ minAvailable: share, maxUnavailable: share }) },
      { weight: 1, arbitrary: fc.constant({}) },
    ),
    rest: optional({ selector, unhealthyPodEvictionPolicy: often('AlwaysAllow', 'IfHealthyBudget', 'Never') }),
  })
  .map(({ bound, rest }) => ({ ...bound, ...rest }));

const metric = (target: object) => ({ type: 'Resource', resource: { name: 'cpu', target } });
const metrics = fc.oneof(
  {
    weight: 6,
    arbitrary: list(
      fc.constantFrom(
        metric({ type: 'Utilization', averageUtilization: 50 }),
        metric({ type: 'Utilization', averageUtilization: 80 }),
        metric({ type: 'AverageValue', averageValue: '1' }),
        metric({ type: 'AverageValue', averageValue: '500m' }),
      ),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      [metric({ type: 'Utilization' })],
      [metric({ type: 'Utilization', averageUtilization: 0 })],
      [metric({ type: 'AverageValue', averageValue: '0' })],
      [metric({ type: 'Utilization', averageUtilization: 50, averageValue: '1' })],
    ),
  },
);
const scalingRules = optional({
  stabilizationWindowSeconds: often(0, 60, 3601),
  selectPolicy: often('Min', 'Max', 'Most'),
  policies: fc.oneof(
    { weight: 4, arbitrary: fc.array(fc.constantFrom({ type: 'Pods', value: 1, periodSeconds: 60 }), { minLength: 1, maxLength: 1 }) },
    { weight: 1, arbitrary: fc.constantFrom([], [{ type: 'Percent', value: 0, periodSeconds: 60 }]) },
  ),
});
const scaleTargetRef = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom<object>({ apiVersion: 'apps/v1', kind: 'Deployment', name: 'a' }) },
  { weight: 2, arbitrary: fc.constantFrom<object>({ apiVersion: 'apps/v1', kind: 'Deployment', name: 'b' }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<object>(
      { kind: 'Deployment', name: 'a' },
      { apiVersion: 'v1', kind: 'Pod', name: 'a' },
      { kind: 'Deployment' },
    ),
  },
);
const autoscalerSpec = fc
  .record({
    scaleTargetRef,
    maxReplicas: often(3, 2, 0),
    rest: optional({ minReplicas: often(1, 2, 0, 4), metrics, behavior: optional({ scaleUp: scalingRules, scaleDown: scalingRules }) }),
  })
  .map(({ rest, ...spec }) => ({ ...spec, ...rest }));

/** What there is beside the metadata. Of the data of a ControllerRevision one field alone: their order would make it another. */
export const fieldsOfChildren = {
  ServiceAccount: serviceAccount,
  LimitRange: fc.oneof(
    { weight: 6, arbitrary: list(limit).map((limits) => ({ spec: { limits } })) },
    { weight: 1, arbitrary: fc.constantFrom({}, { spec: {} }) },
  ),
  Role: optional({ rules: list(rule) }),
  RoleBinding: fc.record({ roleRef, rest: optional({ subjects: list(subject) }) }).map(({ roleRef, rest }) => ({ roleRef, ...rest })),
  NetworkPolicy: fc.oneof({ weight: 8, arbitrary: networkPolicySpec.map((spec) => ({ spec })) }, { weight: 1, arbitrary: fc.constant({}) }),
  Ingress: ingressSpec.map((spec) => ({ spec })),
  PodDisruptionBudget: budgetSpec.map((spec) => ({ spec })),
  HorizontalPodAutoscaler: autoscalerSpec.map((spec) => ({ spec })),
  ControllerRevision: optional({
    revision: often(1, 2, 0, -1),
    data: fc.oneof(
      { weight: 6, arbitrary: fc.constant({ spec: { a: '1' } }) },
      { weight: 1, arbitrary: fc.constantFrom({}, { spec: { a: '2' } }) },
    ),
  }),
} satisfies Record<string, fc.Arbitrary<Record<string, unknown>>>;

export const childKinds = [
  'ServiceAccount',
  'LimitRange',
  'Role',
  'RoleBinding',
  'NetworkPolicy',
  'Ingress',
  'PodDisruptionBudget',
  'HorizontalPodAutoscaler',
  'ControllerRevision',
] as const satisfies readonly KindName[];

const noStatus = fc.constant({ phase: 'none' });
const count = often(1, 0, 2, -1);

export const statusOfChildren = {
  ServiceAccount: noStatus,
  LimitRange: noStatus,
  Role: noStatus,
  RoleBinding: noStatus,
  NetworkPolicy: noStatus,
  Ingress: fc.constantFrom<Record<string, unknown>>(
    {},
    { loadBalancer: {} },
    { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } },
    { loadBalancer: { ingress: [{ hostname: 'a.example.com' }] } },
  ),
  PodDisruptionBudget: optional({
    disruptionsAllowed: count,
    currentHealthy: count,
    observedGeneration: fc.integer({ min: 0, max: 2 }),
    disruptedPods: some(fc.constant('2026-01-01T00:00:00Z'), 'p', 'q'),
    conditions,
  }),
  HorizontalPodAutoscaler: optional({
    desiredReplicas: count,
    currentReplicas: count,
    observedGeneration: fc.integer({ min: 1, max: 2 }),
    currentMetrics: fc.constant([]),
    conditions: conditions.map((all) => all.map((each) => ({ ...each, message: 'so' }))),
  }),
  ControllerRevision: noStatus,
} satisfies Record<string, fc.Arbitrary<Record<string, unknown>>>;
