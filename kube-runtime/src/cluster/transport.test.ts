import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KubeError } from '../errors.ts';
import { FaultyApiServer } from '../testing/faulty-api-server.double.ts';
import { eventually } from '../testing/eventually.ts';
import type { Cluster } from './cluster.ts';
import { connect } from './connect.ts';

let server: FaultyApiServer;
let cluster: Cluster;

beforeEach(async () => {
  server = await FaultyApiServer.start();
  cluster = await connect({ server: server.url, userAgent: 'tester' });
});
afterEach(async () => {
  await cluster.close();
  await server[Symbol.asyncDispose]();
});

const path = '/api/v1/configmaps';
const write = { method: 'PUT', path, body: { secret: 'hush' } } as const;
const failure = async (promise: Promise<unknown>): Promise<KubeError> => {
  const error: unknown = await promise.catch((reason: unknown) => reason);
  if (!(error instanceof KubeError)) throw new Error('expected a KubeError', { cause: error });
  return error;
};

describe('a request', () => {
  test('that the server puts off is repeated after the pause it asks for, writes too', async () => {
    server.next('write', { kind: 'status', code: 429, retryAfterSeconds: 0.05 }, { kind: 'status', code: 503, retryAfterSeconds: 0.05 });
    const start = performance.now();
    await cluster.request(write);
    expect(performance.now() - start).toBeGreaterThanOrEqual(95);
    expect(server.count('write')).toBe(3);
  });

  test('that the server puts off for longer than a worker can wait is the caller’s', async () => {
    server.next('write', { kind: 'status', code: 429, retryAfterSeconds: 60 });
    expect(await failure(cluster.request(write))).toMatchObject({ status: 429, retryAfterMs: 60_000 });
  });

  test('that writes is not repeated on a broken connection, since it may have been done', async () => {
    server.next('write', { kind: 'reset' });
    expect(await failure(cluster.request(write))).toMatchObject({ status: 0, reason: 'Unreachable' });
    expect(server.count('write')).toBe(1);
  });

  test('that reads is repeated once on a broken connection', async () => {
    server.next('list', { kind: 'reset' });
    await cluster.request({ path });
    expect(server.count('list')).toBe(2);
  });

  test('is repeated once when the credentials were not accepted', async () => {
    server.next('list', { kind: 'status', code: 401 });
    await cluster.request({ path });
    server.next('list', { kind: 'status', code: 401 }, { kind: 'status', code: 401 });
    expect(await failure(cluster.request({ path }))).toMatchObject({ status: 401 });
  });

  test('that is not answered in time fails as a time-out', async () => {
    server.next('list', { kind: 'hang' });
    expect(await failure(cluster.request({ path, timeoutMs: 50 }))).toMatchObject({ status: 0, reason: 'Timeout' });
  });

  test('that is not answered in time is the last one to wait for connections that the network has forgotten', async () => {
    await Promise.all([cluster.request({ path }), cluster.request({ path }), cluster.request({ path })]);
    server.forgetConnections();
    expect(await failure(cluster.request({ path, timeoutMs: 50 }))).toMatchObject({ reason: 'Timeout' });
    for (let time = 0; time < 3; time++) await cluster.request({ path, timeoutMs: 2_000 });
  });

  test('ends at once when its caller gives up', async () => {
    server.next('list', { kind: 'hang' });
    const giveUp = new AbortController();
    const pending = cluster.request({ path, signal: giveUp.signal }).catch((error: unknown) => error);
    await eventually('it is on its way', () => server.count('list') === 1);
    giveUp.abort(new Error('changed my mind'));
    expect(await pending).toMatchObject({ message: 'changed my mind' });
  });

  test('says who asks', async () => {
    await cluster.request({ path });
    expect(server.requests[0]?.headers['user-agent']).toMatch(/^tester \(kube-runtime; node/);
  });

  test('is counted under the names that Go controllers use', async () => {
    server.next('list', { kind: 'status', code: 404 });
    await cluster.request({ path }).catch(() => undefined);
    const metrics = await cluster.registry.metrics();
    expect(metrics).toMatch(/rest_client_requests_total\{code="404",method="GET",host="127.0.0.1:\d+"\} 1/);
    expect(metrics).toMatch(/rest_client_request_duration_seconds_count\{verb="GET",host="127.0.0.1:\d+"\} 1/);
  });
});

describe('an error', () => {
  test('carries the server’s words', async () => {
    server.next('list', { kind: 'status', code: 404 });
    expect((await failure(cluster.request({ path }))).message).toBe('GET /api/v1/configmaps: 404 NotFound: played fault 404');
  });

  test('about a Secret does not, because servers repeat refused values', async () => {
    server.next('write', { kind: 'status', code: 422 });
    const error = await failure(cluster.request({ method: 'PUT', path: '/api/v1/namespaces/n/secrets/s', body: {} }));
    expect(error.message).toBe('PUT /api/v1/namespaces/n/secrets/s: 422 InternalError');
  });
});

describe('a write', () => {
  test('passes every interceptor, the newest first; a read passes none', async () => {
    const seen: string[] = [];
    cluster.interceptWrites((_, proceed) => (seen.push('older'), proceed()));
    const remove = cluster.interceptWrites(({ method, path: where }, proceed) => (seen.push(`newer ${method} ${where}`), proceed()));
    await cluster.request(write);
    await cluster.request({ path });
    expect(seen).toEqual(['newer PUT /api/v1/configmaps', 'older']);
    remove();
    await cluster.request(write);
    expect(seen).toHaveLength(3);
  });

  test('can be refused before it leaves, and lose its answer after it did', async () => {
    const remove = cluster.interceptWrites(() => Promise.reject(new Error('refused')));
    await expect(cluster.request(write)).rejects.toThrow('refused');
    expect(server.count('write')).toBe(0);
    remove();
    cluster.interceptWrites(async (_, proceed) => {
      await proceed();
      throw new Error('answer lost');
    });
    await expect(cluster.request(write)).rejects.toThrow('answer lost');
    expect(server.count('write')).toBe(1);
  });

  test.each([
    ['a dry run', { ...write, query: { dryRun: 'All' } }],
    ['an access review', { method: 'POST', path: '/apis/authorization.k8s.io/v1/subjectaccessreviews', body: {} }],
    ['a token review', { method: 'POST', path: '/apis/authentication.k8s.io/v1/tokenreviews', body: {} }],
  ] as const)('%s is none', async (_, request) => {
    cluster.interceptWrites(() => Promise.reject(new Error('refused')));
    await expect(cluster.request(request)).resolves.toBeDefined();
  });
});
