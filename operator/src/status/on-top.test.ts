import { KubeError, type ReconcileContext } from 'kube-runtime';
import { expect, test, vi } from 'vitest';
import type { Tenant } from '../kinds.ts';
import { tenantNamed } from '../tenant/snapshot.fixture.ts';
import { tellOnTop } from './on-top.ts';

const refusal = (status: number, reason: string) => new KubeError({ method: 'PATCH', path: '/x', status, reason, says: 'no' });

/** What a run is to ask for, where the API server answers so. */
function told(updateStatus: ReconcileContext<Tenant>['updateStatus']) {
  const { metadata } = tenantNamed('acme');
  const object = { metadata: { ...metadata, resourceVersion: '7' } };
  return tellOnTop({ object, updateStatus } as ReconcileContext<Tenant>, {});
}

test('a status is written over the version that was looked at', async () => {
  const updateStatus = vi.fn<ReconcileContext<Tenant>['updateStatus']>();
  expect(await told(updateStatus)).toBeUndefined();
  expect(updateStatus).toHaveBeenCalledWith({}, { basedOn: '7' });
});

test('where it is another by now the run is repeated, and has not failed', async () => {
  expect(await told(() => Promise.reject(refusal(409, 'Conflict')))).toEqual({ requeue: true });
});

test('a status that is refused for another reason is a failure', async () => {
  await expect(told(() => Promise.reject(refusal(400, 'BadRequest')))).rejects.toThrow('no');
});
