import { expect, test } from 'vitest';
import { pods } from './pods.ts';

const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', namespace: 'n', uid: 'u', labels: { a: 'b' }, annotations: { long: 'story', 'cloister.dev/credentials': 'c1' } },
  spec: {
    nodeName: 'node',
    containers: [{ name: 'agent' }],
    volumes: [{ name: 'document', configMap: { name: 'd', items: [] } }, { name: 'tmp' }],
  },
  status: {
    phase: 'Running',
    podIP: '10.0.0.1',
    conditions: [{ type: 'Ready', status: 'False', reason: 'Why', lastTransitionTime: 'then' }],
    containerStatuses: [{ name: 'agent', image: 'i', state: { waiting: { reason: 'CrashLoopBackOff' } } }],
  },
};
const essence = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', namespace: 'n', uid: 'u', labels: { a: 'b' }, annotations: { 'cloister.dev/credentials': 'c1' } },
  spec: { volumes: [{ configMap: { name: 'd' } }] },
  status: {
    phase: 'Running',
    conditions: [{ type: 'Ready', status: 'False', reason: 'Why' }],
    containerStatuses: [{ state: { waiting: { reason: 'CrashLoopBackOff' } } }],
  },
};

test('a pod is kept with what tells of its rollout and its credentials, and read again as it was kept', () => {
  expect(pods.accept(pod)).toEqual(essence);
  expect(pods.accept(essence)).toEqual(essence);
  expect(pods.accept({ metadata: { name: 'young' } })).toEqual({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'young' } });
});
