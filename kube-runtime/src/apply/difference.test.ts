import { describe, expect, test } from 'vitest';
import { kind } from '../kind.ts';
import { fieldPaths, firstDifference } from './difference.ts';

const deployment = kind('apps/v1', 'Deployment');
const policy = kind('networking.k8s.io/v1', 'NetworkPolicy');
const configMap = kind('v1', 'ConfigMap');
const quota = kind('v1', 'ResourceQuota');
const service = kind('v1', 'Service');
const account = kind('v1', 'ServiceAccount');
const custom = kind('example.dev/v1', 'Thing', { listKeys: { 'spec.rules': ['id'] } });

const pod = (container: object, more: object = {}) => ({
  spec: { template: { spec: { containers: [{ name: 'main', ...container }], ...more } } },
});

describe('nothing differs when', () => {
  test.each([
    ['the server added defaults', deployment, { spec: { replicas: 2 } }, { spec: { replicas: 2, strategy: { type: 'RollingUpdate' } } }],
    [
      'a quantity is spelled otherwise',
      quota,
      { spec: { hard: { pods: '1000m', 'limits.memory': '1Gi' } } },
      { spec: { hard: { pods: '1', 'limits.memory': '1024Mi' } } },
    ],
    [
      'a container quantity is spelled otherwise',
      deployment,
      pod({ resources: { limits: { cpu: '1000m' } } }),
      pod({ resources: { limits: { cpu: '1' } } }),
    ],
    ['the server gave a container defaults', deployment, pod({ image: 'a' }), pod({ image: 'a', imagePullPolicy: 'Always' })],
    [
      'somebody injected another container',
      deployment,
      pod({ image: 'a' }),
      { spec: { template: { spec: { containers: [{ name: 'proxy' }, { name: 'main', image: 'a' }] } } } },
    ],
    [
      'a port got its protocol',
      service,
      { spec: { ports: [{ port: 80 }] } },
      { spec: { ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }] } },
    ],
    [
      'others added labels and annotations',
      configMap,
      { metadata: { labels: { a: '1' } } },
      { metadata: { labels: { a: '1', b: '2' }, annotations: { c: '3' } } },
    ],
    ['others added finalizers', configMap, { metadata: { finalizers: ['ours'] } }, { metadata: { finalizers: ['theirs', 'ours'] } }],
    ['an empty list was dropped', policy, { spec: { ingress: [], podSelector: {} } }, { spec: { podSelector: {} } }],
    ['an empty map was dropped', configMap, { data: {}, metadata: { labels: {} } }, { metadata: {} }],
    ['a meaningless false was dropped', deployment, pod({}, { hostNetwork: false }), pod({})],
    ['a field is undefined', configMap, { data: { a: undefined } }, { data: { a: '1' } }],
    [
      'items of a list of ours were reordered',
      custom,
      { spec: { rules: [{ id: 1 }, { id: 2 }] } },
      { spec: { rules: [{ id: 2 }, { id: 1 }] } },
    ],
  ])('%s', (_, of, desired, live) => {
    expect(firstDifference(of, desired, live)).toBeUndefined();
  });
});

describe('a difference is found where', () => {
  test.each([
    ['a value changed', configMap, { data: { a: '1' } }, { data: { a: '2' } }, 'data.a'],
    ['text looks like an equal number', configMap, { data: { a: '1.0' } }, { data: { a: '1' } }, 'data.a'],
    [
      'a label looks like an equal number',
      configMap,
      { metadata: { labels: { v: '1k' } } },
      { metadata: { labels: { v: '1000' } } },
      'metadata.labels.v',
    ],
    ['a field is missing', deployment, { spec: { paused: true } }, { spec: {} }, 'spec.paused'],
    [
      'false is missing and means something',
      deployment,
      pod({}, { automountServiceAccountToken: false }),
      pod({}),
      'spec.template.spec.automountServiceAccountToken',
    ],
    ['an empty selector is missing', policy, { spec: { podSelector: {} } }, { spec: {} }, 'spec.podSelector'],
    [
      'a peer was added to a network policy',
      policy,
      { spec: { ingress: [{ from: [{ podSelector: {} }] }] } },
      { spec: { ingress: [{ from: [{ podSelector: {} }, { ipBlock: { cidr: '0.0.0.0/0' } }] }] } },
      'spec.ingress.from',
    ],
    [
      'a port was added to a network policy',
      policy,
      { spec: { egress: [{ ports: [{ port: 53 }] }] } },
      { spec: { egress: [{ ports: [{ port: 53 }, { port: 80 }] }] } },
      'spec.egress.ports',
    ],
    [
      'a registry was added to a service account',
      account,
      { imagePullSecrets: [{ name: 'ours' }] },
      { imagePullSecrets: [{ name: 'ours' }, { name: 'theirs' }] },
      'imagePullSecrets',
    ],
    [
      'a container is gone',
      deployment,
      pod({}),
      { spec: { template: { spec: { containers: [{ name: 'other' }] } } } },
      'spec.template.spec.containers.0',
    ],
    ['an argument list is longer', deployment, pod({ args: ['a'] }), pod({ args: ['a', 'b'] }), 'spec.template.spec.containers.args'],
    ['an owner was taken off', configMap, { metadata: { ownerReferences: [{ uid: 'u' }] } }, { metadata: {} }, 'metadata.ownerReferences'],
    [
      'a custom quantity is spelled otherwise',
      custom,
      { spec: { limits: { cpu: '1000m' } } },
      { spec: { limits: { cpu: '1' } } },
      'spec.limits.cpu',
    ],
    ['a custom list has one more', custom, { spec: { names: ['a'] } }, { spec: { names: ['a', 'b'] } }, 'spec.names'],
    ['the type changed', custom, { spec: { a: [1] } }, { spec: { a: { b: 1 } } }, 'spec.a'],
  ])('%s', (_, of, desired, live, path) => {
    expect(firstDifference(of, desired, live)).toBe(path);
  });
});

test('the set of owned fields names each item of a keyed list, and other lists as a whole', () => {
  const paths = fieldPaths(deployment, {
    ...pod({ args: ['a', 'b'], env: [{ name: 'X', value: '1' }] }),
    metadata: { labels: { a: '1' } },
  });
  expect(paths.sort()).toEqual([
    'metadata.labels.a',
    'spec.template.spec.containers.["main"].args',
    'spec.template.spec.containers.["main"].env.["X"].name',
    'spec.template.spec.containers.["main"].env.["X"].value',
    'spec.template.spec.containers.["main"].name',
  ]);
});
