import { Registry } from 'prom-client';
import { request } from 'undici';
import { expect, test } from 'vitest';
import { counter } from '../metrics.ts';
import { serveHealth } from './health-server.ts';

test('health, readiness and metrics are served, and a failing check is named', async () => {
  const registry = new Registry();
  counter(registry, { name: 'seen_total', help: 'Seen' }).inc();
  let unready: string[] = ['cache is not filled: configmaps'];
  const server = await serveHealth({ port: 0, host: '127.0.0.1', registry, unhealthy: () => [], unready: () => unready });
  const get = async (path: string) => {
    const { statusCode, body } = await request(`http://127.0.0.1:${server.port}${path}`);
    return [statusCode, await body.text()];
  };
  expect(await get('/healthz')).toEqual([200, 'ok\n']);
  expect(await get('/readyz?verbose')).toEqual([503, 'cache is not filled: configmaps\n']);
  unready = [];
  expect(await get('/readyz')).toEqual([200, 'ok\n']);
  expect((await get('/metrics'))[1]).toContain('seen_total 1');
  expect((await get('/'))[0]).toBe(404);
  await server.close();
});
