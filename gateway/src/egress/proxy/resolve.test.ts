/** Asked of a DNS server of our own on loopback, which answers A, AAAA, both, nothing, or never. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { lookup } from 'node:dns/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { resolveByDNS } from './resolve.ts';

const [a, aaaa] = [1, 28];
let server: Socket;
let asked: string[] = [];
/** Data of the records by name and type. */
const zone = new Map<string, readonly Buffer[]>([
  [`both.example ${a}`, [Buffer.from([93, 184, 216, 34]), Buffer.from([10, 0, 0, 1])]],
  [`both.example ${aaaa}`, [Buffer.from('26064700470000000000000000001111', 'hex')]],
  [`old.example ${a}`, [Buffer.from([1, 1, 1, 1])]],
]);

/** Undefined for names that are never answered. */
function answerTo(query: Buffer): Buffer | undefined {
  const labels: string[] = [];
  let at = 12;
  for (let length = query.readUInt8(at); length > 0; length = query.readUInt8(at)) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += length + 1;
  }
  const [name, type] = [labels.join('.').toLowerCase(), query.readUInt16BE(at + 1)];
  asked.push(name);
  if (name.endsWith('.silent.example')) return undefined;
  const found = zone.get(`${name} ${type}`) ?? [];
  const known = [...zone.keys()].some((key) => key.startsWith(`${name} `));
  const head = Buffer.alloc(12);
  query.copy(head, 0, 0, 2);
  head.writeUInt16BE(known ? 0x8180 : 0x8183, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(found.length, 6);
  const records = found.map((data) => {
    const record = Buffer.alloc(12);
    record.writeUInt16BE(0xc00c, 0);
    record.writeUInt16BE(type, 2);
    record.writeUInt16BE(1, 4);
    record.writeUInt32BE(60, 6);
    record.writeUInt16BE(data.length, 10);
    return Buffer.concat([record, data]);
  });
  return Buffer.concat([head, query.subarray(12, at + 5), ...records]);
}

const resolve = () => resolveByDNS([`127.0.0.1:${server.address().port}`]);
beforeAll(async () => {
  server = createSocket('udp4', (query, { port, address }) => {
    const answer = answerTo(query);
    if (answer) server.send(answer, port, address);
  }).bind(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => {
  server.close();
});

test('all addresses of a name are given, of IPv4 and IPv6', async () => {
  expect(await resolve()('both.example')).toEqual(['93.184.216.34', '10.0.0.1', '2606:4700:4700::1111']);
});

test('a name of one kind of addresses has those', async () => {
  expect(await resolve()('old.example')).toEqual(['1.1.1.1']);
});

test('a name that does not exist has none, and is asked for as it stands alone', async () => {
  asked = [];
  await expect(resolve()('none.example')).rejects.toThrow('no address of none.example');
  expect(new Set(asked)).toEqual(new Set(['none.example']));
});

test('names that nobody answers for hold up no look-up by the system, which is how providers are found', async () => {
  const ask = resolve();
  let settled = 0;
  for (let n = 0; n < 64; n++) void ask(`n${n}.silent.example`).catch(() => settled++);
  await expect.poll(() => asked.filter((name) => name.endsWith('.silent.example')).length).toBeGreaterThanOrEqual(64);
  expect((await lookup('localhost')).address).toBeTruthy();
  expect(settled).toBe(0);
});
