/** Keys that are asked for while something else goes on: what counts is what is true when they are made. */
import { issuedKeyObjectName, type IssuedKey } from '@cloister/tenancy';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { edgeUnderTest, type EdgeUnderTest } from '../edge.fixture.ts';
import { mostIssued } from './issue.ts';

const path = '/api/v1/tenants/acme/keys';
const wish = JSON.stringify({ name: 'another', scopes: ['chat', 'admin'] });

/** A request for a key whose body is held back from the first bytes on. */
async function begun(edge: EdgeUnderTest, key: string): Promise<{ readonly status: () => Promise<number> }> {
  const socket: Socket = connect(edge.port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write(`POST ${path} HTTP/1.1\r\nHost: a\r\nx-api-key: ${key}\r\nContent-Length: ${wish.length}\r\nConnection: close\r\n\r\n`);
  socket.write(wish.slice(0, 5));
  await sleep(50); // edge has let the caller in
  return {
    status: async () => {
      socket.write(wish.slice(5));
      let text = '';
      for await (const piece of socket) text += String(piece);
      return Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1]);
    },
  };
}

test('a key that is revoked while its request for another one goes on makes none', async () => {
  await using edge = await edgeUnderTest();
  const root = edge.addTenant('acme', {}, ['chat', 'admin']);
  const headers = { 'x-api-key': root };
  const answer = await fetch(`${edge.url}${path}`, { method: 'POST', headers, body: wish });
  const stolen = z.looseObject({ id: z.string(), key: z.string() }).parse(await answer.json());
  const request = await begun(edge, stolen.key);
  expect((await fetch(`${edge.url}${path}/${stolen.id}`, { method: 'DELETE', headers })).status).toBe(204);
  expect(await request.status()).toBe(401);
  expect(edge.access.issued.size).toBe(0);
});

test('nor does one whose tenant is suspended, or whose scope is taken away meanwhile', async () => {
  await using edge = await edgeUnderTest();
  const first = edge.addTenant('acme', {}, ['chat', 'admin']);
  const suspended = await begun(edge, first);
  edge.policies.put('tenant-acme', { ...(edge.policies.byTenant('acme') ?? never()), state: 'Suspended' });
  expect(await suspended.status()).toBe(503);
  const second = edge.addTenant('acme', {}, ['chat', 'admin']);
  const lesser = await begun(edge, second);
  const [declared] = edge.access.byTenant('acme')?.apiKeys ?? [];
  edge.setAccess('acme', { apiKeys: [{ ...(declared ?? never()), scopes: ['chat'] }] });
  expect(await lesser.status()).toBe(403);
  expect(edge.access.issued.size).toBe(0);
});

test('no more are made at once than a tenant may have, though the directory hears of them later', async () => {
  const kept: IssuedKey[] = [];
  await using edge = await edgeUnderTest({
    keyStore: { add: async (key) => void (await sleep(5), kept.push(key)), remove: () => Promise.resolve(true) },
  });
  const headers = { 'x-api-key': edge.addTenant('acme', {}, ['chat', 'admin']) };
  const ask = async () => (await fetch(`${edge.url}${path}`, { method: 'POST', headers, body: wish })).status;
  const statuses = await Promise.all(Array.from({ length: mostIssued + 44 }, ask));
  expect([kept.length, statuses.filter((status) => status === 409).length]).toEqual([mostIssued, 44]);
  for (const key of kept) edge.access.issued.put(issuedKeyObjectName(key.tenant, key.id), key);
  expect(await ask()).toBe(409);
});

function never(): never {
  throw new Error('the test has put it there');
}
