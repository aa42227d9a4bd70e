/** Whom edge takes for a tenant's agent: by certificate, name and authority, under a change of each. */
import { makeAuthority, makeServerCertificate, type KeyPair } from '@cloister/certificates';
import { agentHostsOf, agentURL } from '@cloister/tenancy';
import { createLogger } from '@cloister/telemetry';
import dns from 'node:dns';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { agentDouble, type AgentDouble } from './agent.double.ts';
import { agentsAt, edgeUnderTest, type EdgeUnderTest } from './edge.fixture.ts';
import { agentsTrust, followedAuthorities } from './followed-authorities.ts';
import { policyOf } from '../policy.fixture.ts';

const life = { from: new Date(), days: 1 };
const [authority, successor, stranger] = await Promise.all(['one', 'two', 'three'].map((name) => makeAuthority(name, life)));
if (!authority || !successor || !stranger) throw new Error('three authorities were made');
const yesterday = new Date(Date.now() - 172_800_000);
const certificateOf = (tenant: string, signer: KeyPair, from = life.from) =>
  makeServerCertificate([agentHostsOf(tenant)], { from, days: 1 }, signer);

/** Every name leads to this machine, as an attacker who controls names or addresses would have it. */
beforeAll(() => {
  vi.spyOn(dns, 'lookup').mockImplementation((...args: readonly unknown[]) => {
    const told = args.at(-1);
    if (typeof told === 'function') Reflect.apply(told, undefined, [null, [{ address: '127.0.0.1', family: 4 }]]);
  });
});
afterAll(() => void vi.restoreAllMocks());

const urlAt = (agent: AgentDouble, tenant = 'acme') => agentURL(tenant, 'support').replace(/:443$/, `:${new URL(agent.url).port}`);

const edgeTrusting = ({ certificate }: KeyPair): Promise<EdgeUnderTest> =>
  edgeUnderTest({ authorities: { initial: certificate, onChange: () => undefined } });

async function answerOf(edge: EdgeUnderTest, key: string): Promise<[number, string]> {
  const answer = await fetch(`${edge.url}/v1/models?agent=support`, { headers: { authorization: `Bearer ${key}` } });
  return [answer.status, await answer.text()];
}

test.each<[string, KeyPair | undefined, RegExp]>([
  ['of another tenant', await certificateOf('bravo', authority), /ERR_TLS_CERT_ALTNAME_INVALID/],
  ['of a tenant whose name ends like this one’s', await certificateOf('x.tenant-acme', authority), /ERR_TLS_CERT_ALTNAME_INVALID/],
  ['signed by a stranger', await certificateOf('acme', stranger), /UNABLE_TO_VERIFY|SELF_SIGNED|UNABLE_TO_GET/],
  ['that has run out', await certificateOf('acme', authority, yesterday), /CERT_HAS_EXPIRED/],
  ['that is an authority’s own', authority, /ERR_TLS_CERT_ALTNAME_INVALID|INVALID_PURPOSE|SELF_SIGNED/],
  ['of no kind: plain HTTP', undefined, /SSL|ECONNRESET|EPROTO/],
])('an agent with a certificate %s is not called: the caller gets 503, the agent not a byte of the request', async (_, shown, reason) => {
  await using agent = await agentDouble(undefined, shown);
  await using edge = await edgeTrusting(authority);
  const key = edge.addTenant('acme', agentsAt(urlAt(agent), 'support'));
  const [status, text] = await answerOf(edge, key);
  expect([status, text]).toEqual([503, expect.stringContaining('agent_unavailable')]);
  expect(agent.heard).toEqual([]);
  expect(edge.lines.at(-1)).toMatch(reason);
});

test('each tenant’s agent is called by its own name, and keeps its connection', async () => {
  await using acme = await agentDouble(undefined, await certificateOf('acme', authority));
  await using bravo = await agentDouble(undefined, await certificateOf('bravo', authority));
  await using edge = await edgeTrusting(authority);
  const keys = [
    edge.addTenant('acme', agentsAt(urlAt(acme), 'support')),
    edge.addTenant('bravo', agentsAt(urlAt(bravo, 'bravo'), 'support')),
  ];
  for (const key of [...keys, ...keys, ...keys]) expect((await answerOf(edge, key))[0]).toBe(200);
  expect([acme.connections(), bravo.connections(), acme.heard.length, bravo.heard.length]).toEqual([1, 1, 3, 3]);
});

test('no header of a caller changes by which name an agent is called', async () => {
  await using bravo = await agentDouble(undefined, await certificateOf('bravo', authority));
  await using edge = await edgeTrusting(authority);
  const key = edge.addTenant('acme', agentsAt(urlAt(bravo), 'support'));
  const asked = request(`${edge.url}/v1/models?agent=support`, {
    headers: { authorization: `Bearer ${key}`, host: 'support.tenant-bravo.svc', 'x-forwarded-host': 'support.tenant-bravo.svc' },
  });
  const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
  asked
    .once('response', ({ statusCode }) => resolve(statusCode))
    .once('error', reject)
    .end();
  expect([await promise, bravo.heard.length]).toEqual([503, 0]);
});

test('while authorities change and agents take new certificates, callers notice nothing', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'trust-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, 'authorities.pem');
  const trust = (...pairs: readonly KeyPair[]) => writeFile(path, pairs.map(({ certificate }) => certificate).join(''));
  const lines: string[] = [];
  const log = createLogger({ name: 'test', destination: { write: (line) => void lines.push(line) } });
  await trust(authority);
  const authorities = followedAuthorities(agentsTrust(path), log, 5);
  onTestFinished(authorities.stop);
  await using old = await agentDouble(undefined, await certificateOf('acme', authority));
  await using fresh = await agentDouble(undefined, await certificateOf('acme', successor));
  await using edge = await edgeUnderTest({ authorities });
  const key = edge.addTenant('acme', agentsAt(urlAt(old), 'support'));
  const statuses: number[] = [];
  let working = true;
  const callers = [0, 1, 2].map(async () => {
    while (working) statuses.push((await answerOf(edge, key))[0]);
  });
  const told = async (pairs: readonly KeyPair[]) => {
    lines.length = 0;
    await trust(...pairs);
    await expect.poll(() => lines.length).toBe(1);
  };
  const moveTo = (agent: AgentDouble) => edge.policies.put('tenant-acme', policyOf('acme', agentsAt(urlAt(agent), 'support')));
  await told([authority, successor]);
  moveTo(fresh);
  await expect.poll(() => fresh.heard.length).toBeGreaterThan(5);
  await told([successor]);
  const sofar = fresh.heard.length;
  await expect.poll(() => fresh.heard.length).toBeGreaterThan(sofar + 5);
  lines.length = 0;
  await writeFile(path, 'no certificate');
  await expect.poll(() => lines.join()).toContain('stay in force');
  working = false;
  await Promise.all(callers);
  expect(new Set(statuses)).toEqual(new Set([200]));

  moveTo(old);
  expect((await answerOf(edge, key))[0]).toBe(503);
});
