/** What an agent's own container reaches through the proxy of tools, and for how long. */
import { namespaces } from '@cloister/tenancy';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { exportAudit, verifyOffline } from '../e2e/support/audit.ts';
import { agentName, createTenant, deleteTenant, type LiveTenant } from '../e2e/support/tenants.ts';
import { until } from '../e2e/support/until.ts';
import { openWorld, type World } from '../e2e/support/world.ts';
import { internet, publicAddress, publicHost, type Internet } from './internet.ts';
import { sendTool, type Errand } from './tool.ts';

const inCluster = 'kubernetes.default.svc.cluster.local';
const there = `${publicHost}:443`;
/** Of the chart. */
const connectionsPerTenant = 64;
const bytesPerConnection = 256 * 1024 * 1024;

let world: World;
let outside: Internet;
let one: LiveTenant;
let two: LiveTenant;
let uid: string;
beforeAll(async () => {
  world = await openWorld();
  outside = await internet(world);
  const egress = { domains: [`*.svc.cluster.local`, 'allowed.example'], ports: [443, 80] };
  [one, two] = await Promise.all([
    createTenant(world, { name: 'tools-one', spec: { network: { egress } } }),
    createTenant(world, { name: 'tools-two' }),
  ]);
  uid = (await world.kubectl.get('tenant', one.name))?.metadata.uid ?? '';
  await until('egress to know tools-one', async () => (await attempt(one, `${inCluster}:443`)) !== 'proxy_token_invalid', {
    within: 10_000,
  });
});
afterAll(async () => {
  await Promise.all(['tools-one', 'tools-two'].map((name) => deleteTenant(world, name)));
  await outside[Symbol.asyncDispose]();
});

const errand = async (tenant: LiveTenant, what: Errand, token?: string) => (await sendTool(world, tenant, [what], token))[0];
const attempt = (tenant: LiveTenant, to: string, token?: string) => errand(tenant, { to }, token);

test.each([
  ['an allowed name that leads to the API server', `${inCluster}:443`, 'address_not_public'],
  ['an allowed name that leads to egress itself', `egress.${namespaces.system}.svc.cluster.local:80`, 'address_not_public'],
  ["an allowed name that leads to another tenant's agent", `${agentName}.tenant-tools-two.svc.cluster.local:80`, 'address_not_public'],
  ['an allowed name that does not exist', 'allowed.example:443', 'host_unreachable'],
  ['a name that is not allowed', 'api.example.com:443', 'domain_not_allowed'],
  ['a name below one that is allowed', 'x.allowed.example:443', 'domain_not_allowed'],
  ['a port that is not allowed', `${inCluster}:6443`, 'port_not_allowed'],
  ['an address, though a public one', `${publicAddress}:443`, 'authority_invalid'],
  ['an address within', '10.0.0.1:443', 'authority_invalid'],
  ['the address of the metadata service', '169.254.169.254:80', 'authority_invalid'],
])('%s is refused, and the agent is told why', async (_, authority, code) => {
  expect(await attempt(one, authority)).toBe(code);
});

test('the tenant that names no domain reaches none', async () => {
  for (const to of [`${inCluster}:443`, there, 'allowed.example:443']) expect(await attempt(two, to)).toBe('domain_not_allowed');
  expect(outside.open.size).toBe(0);
});

test('a token that is none is worth nothing', async () => {
  expect(await attempt(one, there, 'nonsense')).toBe('proxy_token_invalid');
});

describe('an allowed name that leads to a public address', () => {
  test('is reached, and what is said there is answered', async () => {
    expect(await errand(one, { to: there, say: 'echo is there anybody' })).toEqual({ bytes: 21, text: 'echo is there anybody' });
  });

  test('is reached by the proxy alone: the pod itself gets no connection to that address', async () => {
    const script = `
      const socket = require('node:net').connect({ host: '${publicAddress}', port: 443, timeout: 1500 });
      const tell = (what) => { console.log(what); socket.destroy(); };
      socket.once('connect', () => tell('connected')).once('timeout', () => tell('nothing')).once('error', ({ code }) => tell(code));`;
    const told = await world.kubectl.run(['exec', '-n', one.namespace, `deployment/${agentName}`, '--', 'node', '-e', script]);
    expect(told.trim()).toMatch(/^(nothing|ECONNREFUSED|EHOSTUNREACH|ENETUNREACH)$/);
  });

  test('is reached by as many connections at once as the chart allows a tenant, and by more when these have ended', async () => {
    const beyond = 2;
    const tool = sendTool(
      world,
      one,
      Array.from({ length: connectionsPerTenant + beyond }, () => ({ to: there, say: 'wait' })),
    );
    await until('all that may to be connected', () => Promise.resolve(outside.open.size === connectionsPerTenant), { within: 20_000 });
    expect(await attempt(one, there)).toBe('too_many_connections');
    outside.hangUp();
    const outcomes = await tool;
    expect(outcomes.filter((outcome) => outcome === 'too_many_connections')).toHaveLength(beyond);
    expect(outcomes.filter((outcome) => typeof outcome === 'object')).toHaveLength(connectionsPerTenant);
    await until('another connection', async () => (await attempt(one, there)) === 'connected', { within: 10_000 });
  });

  test('sends no more through one connection than the chart allows', async () => {
    const heard = z.object({ bytes: z.int() }).parse(await errand(one, { to: there, say: 'pour' }));
    expect(heard.bytes).toBeLessThanOrEqual(bytesPerConnection);
    expect(heard.bytes).toBeGreaterThan(bytesPerConnection / 2);
  });
});

test('a domain that is taken off the list is refused at once, without another pod, and who is connected is cut off', async () => {
  const tool = errand(one, { to: there, say: 'wait' });
  await until('the connection', () => Promise.resolve(outside.open.size === 1), { within: 10_000 });
  const [socket] = outside.open;
  const closed = new Promise((resolve) => socket?.once('close', resolve));
  const patch = JSON.stringify({ spec: { network: { egress: { domains: ['other.example'] } } } });
  const began = performance.now();
  await world.kubectl.run(['patch', 'tenant', one.name, '--type=merge', '-p', patch]);
  await closed;
  // A second for the change to be in force, and one more at most until the connection is looked at.
  expect(performance.now() - began).toBeLessThan(2_000);
  expect(await tool).toEqual({ bytes: 0, text: '' });
  expect(await attempt(one, there)).toBe('domain_not_allowed');
});

test('all of it is on record, in a chain that holds, with the agent, the address and the bytes', async () => {
  const record = z.looseObject({ kind: z.string(), host: z.string().optional() });
  const lines = await until(
    'the last refusal on record',
    async () => {
      const exported = await exportAudit(world, uid);
      return exported.findLast((line) => line.includes('"kind":"tool_connection"'))?.includes('domain_not_allowed') && exported;
    },
    { within: 10_000, every: 500 },
  );
  expect(verifyOffline(lines).code).toBe(0);
  const records = lines.flatMap((line) => z.object({ record }).safeParse(JSON.parse(line)).data?.record ?? []);
  const carried = records.filter((one) => one['outcome'] === 'carried');
  expect(new Set(carried.map(({ host, port, address, agent }) => [host, port, address, agent].join(' ')))).toEqual(
    new Set([`${publicHost} 443 ${publicAddress} ${agentName}`]),
  );
  const said = 'echo is there anybody'.length;
  expect(carried).toContainEqual(expect.objectContaining({ bytesUp: said, bytesDown: said, end: 'closed' }));
  for (const end of ['too many bytes', 'no longer allowed']) expect(carried.filter((one) => one['end'] === end)).toHaveLength(1);
  const codes = new Set(records.flatMap(({ code }) => code ?? []));
  expect(codes).toEqual(
    new Set([
      'address_not_public',
      'host_unreachable',
      'domain_not_allowed',
      'port_not_allowed',
      'authority_invalid',
      'too_many_connections',
    ]),
  );
});
