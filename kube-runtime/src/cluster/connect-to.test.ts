import { expect, test } from 'vitest';
import { isNotFound } from '../errors.ts';
import { eventually } from '../testing/eventually.ts';
import { configMaps } from '../testing/real-cluster.fixture.ts';
import { connectTo } from './connect.ts';
import { refusal } from './failure.ts';
import type { ApiRequest } from './request.ts';
import type { Wire } from './wire.ts';

const metadata = { name: 'a', namespace: 'default', uid: 'u', resourceVersion: '7' };

/** Lists one ConfigMap, sends nothing on watches, and refuses the rest. */
class OneObject implements Wire {
  readonly seen: string[] = [];

  send(request: ApiRequest): Promise<unknown> {
    this.seen.push(`${request.method ?? 'GET'} ${request.path}`);
    if (request.path.endsWith('/configmaps')) return Promise.resolve({ metadata: { resourceVersion: '7' }, items: [{ metadata }] });
    const status = { kind: 'Status', reason: 'NotFound', message: 'no such thing' };
    return Promise.reject(refusal(request, 404, JSON.stringify(status)));
  }

  stream({ signal }: ApiRequest & { readonly signal: AbortSignal }): Promise<AsyncIterable<Buffer>> {
    async function* silence(): AsyncGenerator<Buffer> {
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      yield Buffer.from('');
    }
    return Promise.resolve(silence());
  }
}

test('a cluster at the end of any wire has caches, the door for writes and the errors of a real one', async () => {
  const wire = new OneObject();
  const cluster = connectTo(wire);
  const informer = cluster.informer(configMaps);
  informer.start();
  await eventually('the cache to fill', () => informer.synced);
  expect(informer.get(metadata)?.metadata.uid).toBe('u');

  const writes: string[] = [];
  cluster.interceptWrites((write, proceed) => {
    writes.push(write.path);
    return proceed();
  });
  const refused: unknown = await cluster.request({ method: 'PUT', path: '/api/v1/nothing/b' }).catch((error: unknown) => error);
  expect(isNotFound(refused)).toBe(true);
  expect(writes).toEqual(['/api/v1/nothing/b']);
  expect(wire.seen).toContain('PUT /api/v1/nothing/b');
  await cluster.close();
});
