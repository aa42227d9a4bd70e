/**
 * Sequences in which chance once found the two servers to differ, shrunk, for the seed finds another one as soon as the generator changes; and such
 * as chance comes upon too seldom.
 */
import type { Operation, Target } from './operation.ts';

const widget: Target = { kind: 'Widget', space: 0, name: 'a' };
const service: Target = { kind: 'Service', space: 0, name: 'a' };
const lease: Target = { kind: 'Lease', space: 0, name: 'a' };
const policy: Target = { kind: 'NetworkPolicy', space: 0, name: 'a' };
const policySpec = { podSelector: {}, policyTypes: ['Ingress'] };
const policied = (by: 'put' | 'apply', spec: object): Operation => {
  const written = { target: policy, manager: 'x', content: { fields: { spec } }, version: 'none', uid: 'none' } as const;
  return by === 'put' ? { type: 'put', ...written } : { type: 'apply', ...written, force: true };
};
const account: Target = { kind: 'ServiceAccount', space: 0, name: 'a' };
const accountApplied = (metadata: object): Operation => ({
  type: 'apply',
  target: account,
  manager: 'x',
  content: { ...metadata, fields: {} },
  force: false,
  version: 'none',
  uid: 'none',
});
const scaled = (how: 'put' | 'merge', manager: string, replicas: number): Operation => ({
  type: 'scale',
  how,
  target: widget,
  manager,
  replicas,
});
const made = (by: 'create' | 'apply', target = widget): Operation => {
  const content = { fields: { spec: { name: 'n', replicas: 2 } } };
  return by === 'create'
    ? { type: 'create', target, manager: 'x', content, generated: false, version: 'none' }
    : { type: 'apply', target, manager: 'x', content, force: false, version: 'none', uid: 'none' };
};

export const foundCases: readonly (readonly [string, readonly Operation[]])[] = [
  ...(['put', 'merge'] as const).map(
    (how) =>
      [
        `a ${how} to /scale of as many replicas as there are, by who updated them (seed 596229)`,
        [made('create'), scaled(how, 'x', 2), scaled(how, 'x', 2), scaled(how, 'y', 3), scaled(how, 'y', 3)],
      ] as const,
  ),
  [
    'a put to /scale of as many replicas as there are, which somebody applies',
    [made('apply'), scaled('put', 'x', 2), scaled('put', 'y', 3), scaled('put', 'y', 3), made('apply')],
  ],
  [
    'a put of a Lease that is not there, with a UID',
    [{ type: 'put', target: lease, manager: 'x', content: { fields: {} }, version: 'none', uid: 'other' }],
  ],
  [
    'a finalizer without a domain on a Lease',
    [{ type: 'put', target: lease, manager: 'x', content: { finalizers: ['plain'], fields: {} }, version: 'none', uid: 'none' }],
  ],
  [
    'the status of a Service that is not there, by apply',
    [{ type: 'status', how: 'apply', target: service, manager: 'x', status: { loadBalancer: {} }, uid: 'none' }],
  ],
  [
    'a selector for a headless Service that had none',
    [
      { type: 'put', target: service, manager: 'x', content: { fields: { spec: { clusterIP: 'None' } } }, version: 'none', uid: 'none' },
      {
        type: 'merge',
        target: service,
        manager: 'x',
        content: { fields: { spec: { selector: { app: '1' } } } },
        remove: [],
        version: 'none',
      },
    ],
  ],
  [
    'a full page of a list, with nothing behind it that matches',
    [
      {
        type: 'apply',
        target: widget,
        manager: 'x',
        content: { labels: { app: '1' }, fields: { spec: { name: 'n' } } },
        force: false,
        version: 'none',
        uid: 'none',
      },
      made('create', { ...widget, name: 'b' }),
      { type: 'list', kind: 'Widget', labels: 'app=1', limit: 1, at: 'now' },
    ],
  ],
  ...(['put', 'apply'] as const).map(
    (by) =>
      [
        `a NetworkPolicy that is as it was but for lists and maps of nothing, and once more, by ${by}`,
        [
          policied('apply', policySpec),
          policied(by, policySpec),
          policied(by, { ...policySpec, ingress: [] }),
          policied(by, { ...policySpec, ingress: [] }),
          policied(by, { ...policySpec, podSelector: { matchLabels: {} } }),
        ],
      ] as const,
  ),
  [
    'an apply to what is going and has no owner of its fields any more (seed 3003)',
    [
      accountApplied({}),
      { type: 'delete', target: account, policy: 'Foreground', version: 'none', uid: 'none' },
      accountApplied({ annotations: { note: '1' } }),
    ],
  ],
];
