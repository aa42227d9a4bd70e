import { expect, test } from 'vitest';
import { connectTo } from '../cluster/connect.ts';
import { refusal } from '../cluster/failure.ts';
import type { ApiRequest } from '../cluster/request.ts';
import type { Wire } from '../cluster/wire.ts';
import { isRecord } from '../json.ts';
import { eventually, quiet } from '../testing/eventually.ts';
import { LeaderLease } from './leader-lease.ts';

/** Keeps one Lease, refuses a write that is based on another version of it, and can be slow to show and to take it. */
class OneLease implements Wire {
  writes = 0;
  reads = 0;
  readMs = 0;
  writeMs = 0;
  #lease: Record<string, unknown> | undefined;
  #version = 0;

  get holder(): unknown {
    const spec = this.#lease?.['spec'];
    return isRecord(spec) ? spec['holderIdentity'] : undefined;
  }

  async send(request: ApiRequest): Promise<unknown> {
    if (request.method !== 'PUT' && request.method !== 'POST') {
      this.reads++;
      await new Promise((resolve) => setTimeout(resolve, this.readMs));
      if (this.#lease) return this.#lease;
      throw refusal(request, 404, JSON.stringify({ kind: 'Status', reason: 'NotFound', message: 'none' }));
    }
    this.writes++;
    await new Promise((resolve) => setTimeout(resolve, this.writeMs));
    if (!isRecord(request.body)) throw new Error('a lease is written with a body');
    const { metadata } = request.body;
    if (request.method === 'PUT' && isRecord(metadata) && metadata['resourceVersion'] !== String(this.#version))
      throw refusal(request, 409, JSON.stringify({ kind: 'Status', reason: 'Conflict', message: 'another version' }));
    this.#version++;
    this.#lease = { ...request.body, metadata: { name: 'a', namespace: 'default', resourceVersion: String(this.#version) } };
    return this.#lease;
  }

  stream(): Promise<AsyncIterable<Buffer>> {
    return Promise.reject(new Error('nobody watches'));
  }
}

test('a look at the lease that took until after the renew deadline is followed by no renewal', async () => {
  const wire = new OneLease();
  const cluster = connectTo(wire);
  const timings = { leaseDurationMs: 600, renewDeadlineMs: 300, retryPeriodMs: 50 };
  const lease = new LeaderLease({ cluster, name: 'a', namespace: 'default', identity: 'one', timings });
  const forever = new AbortController().signal;
  await lease.acquire(forever);
  const lost = lease.hold(forever).catch((error: unknown) => error);
  await eventually('a renewal', () => wire.writes > 1);

  wire.readMs = 500;
  const reads = wire.reads;
  await eventually('a slow look', () => wire.reads > reads);
  const before = wire.writes;
  expect(await lost).toMatchObject({ code: 'leadership_lost' });
  await quiet(600);
  expect(wire.writes).toBe(before);
  await cluster.close();
});

test('a renewal that is under way when the lease is let go does not keep it', async () => {
  const wire = new OneLease();
  const cluster = connectTo(wire);
  const timings = { leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 50 };
  const lease = new LeaderLease({ cluster, name: 'a', namespace: 'default', identity: 'one', timings });
  const renewing = new AbortController();
  await lease.acquire(renewing.signal);
  wire.writeMs = 300;
  const held = lease.hold(renewing.signal);
  await eventually('a slow renewal', () => wire.writes > 1);

  renewing.abort();
  await lease.release();
  expect(wire.holder).toBe('');
  const writes = wire.writes;
  await held;
  await quiet(200);
  expect([wire.writes, wire.holder]).toEqual([writes, '']);
  await cluster.close();
});
