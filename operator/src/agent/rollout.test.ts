import { describe, expect, test } from 'vitest';
import type { Deployment, Pod } from '../kinds.ts';
import { availability, rolloutOf } from './rollout.ts';

const counts = (total: number, updated: number, ready: number) => ({
  observedGeneration: 2,
  replicas: total,
  updatedReplicas: updated,
  readyReplicas: ready,
  availableReplicas: ready,
});
const deployment = (status: Deployment['status'], replicas = 2): Deployment => ({
  metadata: { name: 'support', generation: 2, labels: { 'cloister.dev/revision': 'r2' } },
  spec: { replicas },
  status: status ?? {},
});
const pod = (status: Pod['status'], revision = 'r2'): Pod => ({
  metadata: { name: 'p', labels: { 'cloister.dev/revision': revision } },
  status: status ?? {},
});
const waiting = (reason: string, message = '') => ({ containerStatuses: [{ state: { waiting: { reason, message } } }] });

const wanted = { revision: 'r2', fewest: 1 };

describe('a rollout is complete', () => {
  test('when every pod is of the new revision and ready', () => {
    expect(rolloutOf(deployment(counts(2, 2, 2)), [], wanted)).toEqual({ complete: true, findings: [] });
  });
  test('when no pod is wanted and none is left', () => {
    expect(rolloutOf(deployment(counts(0, 0, 0), 0), [], { ...wanted, fewest: 0 }).complete).toBe(true);
  });
});

describe('a rollout goes on', () => {
  test.each<[string, Deployment | undefined]>([
    ['while the Deployment is still to come', undefined],
    ['while old pods are left', deployment(counts(3, 2, 3))],
    ['while new pods are not ready', deployment(counts(2, 2, 1))],
    ['while no pod is to be, as before', deployment(counts(0, 0, 0), 0)],
    ['while the numbers are about an older spec', deployment({ ...counts(2, 2, 2), observedGeneration: 1 })],
    [
      'while what is cached is another revision',
      { ...deployment(counts(2, 2, 2)), metadata: { name: 'support', labels: { 'cloister.dev/revision': 'r1' } } },
    ],
  ])('%s', (_, seen) => {
    expect(rolloutOf(seen, [pod({})], wanted)).toMatchObject({ complete: false, findings: [{ reason: 'RollingOut' }] });
  });
  test('while containers are being made', () => {
    expect(rolloutOf(deployment(counts(2, 1, 1)), [pod(waiting('ContainerCreating'))], wanted).findings[0]?.reason).toBe('RollingOut');
  });
});

describe('a rollout fails, and says why', () => {
  const failure = (status: Deployment['status'], pods: readonly Pod[]) => rolloutOf(deployment(status), pods, wanted).findings[0];
  const refused = { ...counts(0, 0, 0), conditions: [{ type: 'ReplicaFailure', status: 'True', message: 'exceeded quota: tenant' }] };
  const late = { ...counts(2, 1, 1), conditions: [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' }] };
  const crashed = {
    containerStatuses: [
      { state: { waiting: { reason: 'CrashLoopBackOff' } }, lastState: { terminated: { reason: 'Error', exitCode: 3 } } },
    ],
  };
  const homeless = { conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/1 nodes are available' }] };
  test.each<[string, Deployment['status'], Pod['status'], RegExp]>([
    [
      'when the image cannot be had',
      counts(3, 1, 2),
      waiting('ImagePullBackOff', 'no such image'),
      /ImagePullBackOff: no such image; pods that were ready/,
    ],
    ['when the pod crashes', counts(1, 1, 0), crashed, /CrashLoopBackOff \(last exit: Error, code 3; see its logs\)$/],
    ['when no node takes the pod', counts(1, 1, 0), homeless, /no node takes its pod: 0\/1 nodes/],
    ['when the quota is spent', refused, {}, /pods cannot be made: exceeded quota/],
    ['when time is up', late, {}, /do not become ready/],
  ])('%s', (_, status, podStatus, message) => {
    expect(failure(status, [pod(podStatus)])).toMatchObject({
      reason: 'RolloutFailing',
      message: expect.stringMatching(message) as unknown,
    });
  });
  test('but not for pods of an earlier revision, or on their way out', () => {
    const gone = {
      ...pod(waiting('ImagePullBackOff')),
      metadata: { name: 'p', deletionTimestamp: 'x', labels: { 'cloister.dev/revision': 'r2' } },
    };
    expect(failure(counts(2, 1, 1), [pod(waiting('ImagePullBackOff'), 'r1'), gone])).toMatchObject({ reason: 'RollingOut' });
  });
});

const serving = { fewest: 1, hasService: true };

test('an agent is available when any pod serves', () => {
  expect(availability(undefined, serving)).toHaveLength(1);
  expect(availability(deployment(counts(2, 0, 0)), serving)).toHaveLength(1);
  expect(availability(deployment(counts(0, 0, 0), 0), serving)).toMatchObject([{ reason: 'Pending' }]);
  expect(availability(deployment(counts(3, 1, 2)), serving)).toEqual([]);
});

test('an agent that cannot be reached is not available', () => {
  expect(availability(deployment(counts(2, 2, 2)), { ...serving, hasService: false })).toMatchObject([
    { condition: 'Available', reason: 'Pending', message: expect.stringContaining('no Service') as unknown },
  ]);
});

test('an agent of which no pod is wanted is not available, and nothing is wrong with that', () => {
  expect(availability(deployment(counts(0, 0, 0), 0), { ...serving, fewest: 0 })).toMatchObject([
    { condition: 'Available', reason: 'ScaledToZero' },
  ]);
});
