/** Every credential between callers and their data is replaced while they are at work: nobody notices, and what was replaced is worth nothing. */
import { callerSigner, generateIdentityKeys } from '@cloister/identity';
import {
  agentAudienceOf,
  agentFiles,
  agentHost,
  agentURL,
  annotations,
  edgeIssuer,
  edgeKey,
  edgeKeys,
  labels,
  namespaces,
  ports,
  servingKey,
  systemSecrets,
  tenantConfigMaps,
  tenantSecrets,
  voucherHeader,
} from '@cloister/tenancy';
import { Redis } from 'ioredis';
import pg from 'pg';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { voucherSigner } from '../../gateway/src/index.ts';
import { startCallers } from '../faults/serving/callers.ts';
import { reachable } from './support/data-url.ts';
import { setValues, wayBack } from './support/helm.ts';
import { call, openai } from './support/http.ts';
import { agentName, createTenant, deleteTenant, secretValue, type LiveTenant } from './support/tenants.ts';
import { until } from './support/until.ts';
import { openWorld, type World } from './support/world.ts';

const name = 'rotate';
const within = 110_000;
const request = new Date().toISOString();

let world: World;
let tenant: LiveTenant;
let goBack: () => Promise<unknown> = () => Promise.resolve();
beforeAll(async () => {
  world = await openWorld();
  tenant = await createTenant(world, { name });
});
afterAll(() => Promise.all([deleteTenant(world, name), goBack()]));

const identity = (key: string) => secretValue(world, namespaces.system, systemSecrets.edgeIdentity, key);
const authority = (key: string) => secretValue(world, namespaces.system, systemSecrets.agentsAuthority, key);
const urls = () =>
  Promise.all(
    [tenantSecrets.database, tenantSecrets.redis].map(async (secret) =>
      reachable(await secretValue(world, tenant.namespace, secret, 'url'), world),
    ),
  );

/** True where it lets in, false where it refuses the password; any other failure is thrown. */
async function letsIn(url: string): Promise<boolean> {
  const refused = (error: unknown): false => {
    if (error instanceof Error && /WRONGPASS|password authentication failed|does not exist/.test(error.message)) return false;
    throw error;
  };
  if (url.startsWith('redis:')) {
    const redis = new Redis(url, { lazyConnect: true, enableReadyCheck: false, retryStrategy: () => null, maxRetriesPerRequest: 0 });
    let cause: unknown;
    redis.on('error', (error) => (cause = error)); // the promise tells only that the connection is closed
    return redis
      .connect()
      .then(() => redis.ping())
      .then(
        () => true,
        (error: unknown) => refused(cause ?? error),
      )
      .finally(() => redis.disconnect());
  }
  const client = new pg.Client({ connectionString: url });
  return client.connect().then(() => client.end().then(() => true), refused);
}

/** As edge calls an agent: prints the status, or why there is no connection. */
const script = `
const [url, token, servername] = process.argv.slice(1);
const ca = require('node:fs').readFileSync(process.env.AGENTS_TRUST_FILE);
require(new URL(url).protocol.slice(0, -1))
  .get(url, { headers: { authorization: 'Bearer ' + token }, ca, servername: servername || new URL(url).hostname })
  .on('response', (answer) => { console.log(answer.statusCode); answer.destroy(); })
  .on('error', (error) => console.log(error.code));`;

async function fromEdge(url: string, token = 'none', servername = ''): Promise<string> {
  const exec = ['exec', '-n', namespaces.system, 'deployment/edge', '--', 'node', '-e', script, url, token, servername];
  return (await world.kubectl.run(exec)).trim();
}

/** What the agent answers to a token of the key, asked from where edge asks. */
async function answerTo(privateKey: string): Promise<string> {
  const sign = await callerSigner(edgeKey.extend({ d: z.string() }).parse(JSON.parse(privateKey)), edgeIssuer);
  const token = await sign({ tenant: name, subject: 'key:stolen', scopes: ['chat'] }, agentAudienceOf(name));
  return fromEdge(`${agentURL(name, agentName)}/v1/models`, token);
}

/** As an agent calls egress while it works on a request: prints the status. */
const vouchedCall = `
const [document, token, header, voucher] = process.argv.slice(1);
const read = (file) => require('node:fs').readFileSync(file, 'utf8');
const { egressURL, model } = JSON.parse(read(document));
const headers = { authorization: 'Bearer ' + read(token), 'content-type': 'application/json', [header]: voucher };
const body = JSON.stringify({ model, messages: [{ role: 'user', content: 'hello' }] });
fetch(egressURL + '/chat/completions', { method: 'POST', headers, body }).then(({ status }) => console.log(status));`;

/** What egress answers to the tenant's agent, with a voucher of the key. */
async function answerToVoucherOf(privateKey: string): Promise<string> {
  const sign = await voucherSigner(edgeKey.extend({ d: z.string() }).parse(JSON.parse(privateKey)));
  const tenantUid = (await world.kubectl.get('tenant', name))?.metadata.uid ?? '';
  const given = [agentFiles.document, agentFiles.egressToken, voucherHeader, await sign({ tenantUid, agent: agentName, caller })];
  const exec = ['exec', '-n', tenant.namespace, `deployment/${agentName}`, '--', 'node', '-e', vouchedCall, ...given];
  return (await world.kubectl.run(exec)).trim();
}
const caller = 'key:0123456789ab';

const credentials = z.record(z.string(), z.looseObject({ madeFor: z.string().optional(), waitingFor: z.string().optional() }));

async function dataRotated(): Promise<boolean> {
  const status = credentials.parse((await world.kubectl.get('tenant', name))?.status?.['credentials']);
  return [tenantSecrets.database, tenantSecrets.redis, tenantSecrets.serving].every(
    (one) => status[one]?.madeFor === request && !status[one].waitingFor,
  );
}

async function identityRotated(old: string): Promise<boolean> {
  const published = await world.kubectl.get('configmap', tenantConfigMaps.edgeIdentity, tenant.namespace);
  return edgeKeys.parse(JSON.parse(published?.data?.['jwks.json'] ?? '')).keys.length === 1 && (await identity('private.jwk')) !== old;
}

async function authorityRotated(old: string): Promise<boolean> {
  const trusted = await authority('trusted.pem');
  return trusted.match(/BEGIN/g)?.length === 1 && trusted !== old;
}

async function storedChat(conversationId?: string): Promise<string> {
  const answer = await call(`${tenant.url}/api/v1/tenants/${name}/chat`, {
    method: 'POST',
    key: tenant.key,
    body: { message: 'remember', ...(conversationId !== undefined && { conversationId }) },
  });
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.text}`);
  return z.object({ conversationId: z.string() }).parse(JSON.parse(answer.text)).conversationId;
}

/**
 * Of the openai client, of new conversations, and of one that goes on, until the test ends. Gives how to end them before, which fails where one of them
 * was refused anything.
 */
async function startWork(): Promise<() => Promise<void>> {
  const conversation = await storedChat();
  const client = openai(`${tenant.url}/v1`, tenant.key);
  const question = { model: agentName, messages: [{ role: 'user' as const, content: 'hello' }] };
  const asking = [() => client.chat.completions.create(question), () => storedChat(), () => storedChat(conversation)];
  const working = asking.map((ask) => startCallers([tenant], 1, () => ask().then(() => undefined)));
  onTestFinished(async () => {
    await Promise.all(working.map((callers) => callers.stop()));
  });
  return async () => {
    for (const { answered, failures } of await Promise.all(working.map((callers) => callers.stop()))) {
      expect(failures).toEqual([]);
      expect(answered).toBeGreaterThan(10);
    }
  };
}

test('while callers chat, database, Redis, identity, serving certificate and its authority are replaced without a failed request, and the old ones are refused', async () => {
  const [oldURLs, oldKey, oldCertificate, oldTrust] = await Promise.all([
    urls(),
    identity('private.jwk'),
    secretValue(world, tenant.namespace, tenantSecrets.serving, servingKey),
    authority('trusted.pem'),
  ]);
  expect(await Promise.all(oldURLs.map(letsIn))).toEqual([true, true]);
  expect(await answerTo(oldKey)).toBe('200');

  const endWork = await startWork();
  const noted = `${annotations.rotate}=${request}`;
  await world.kubectl.run(['annotate', 'tenant', name, '--overwrite', noted]);
  await world.kubectl.run(['annotate', 'secret', systemSecrets.edgeIdentity, '-n', namespaces.system, '--overwrite', noted]);
  await world.kubectl.run(['annotate', 'secret', systemSecrets.agentsAuthority, '-n', namespaces.system, '--overwrite', noted]);
  await until('the data credentials to be replaced', dataRotated, { within, every: 500 });
  await until("edge's identity to be replaced", () => identityRotated(oldKey), { within, every: 500 });
  await until('the authority of agents to be replaced', () => authorityRotated(oldTrust), { within, every: 500 });
  await until('the old key to be refused', async () => (await answerTo(oldKey)) === '401', { within: 15_000 });
  await endWork();
  expect(await Promise.all(oldURLs.map(letsIn))).toEqual([false, false]);
  expect(await Promise.all((await urls()).map(letsIn))).toEqual([true, true]);
  expect(await answerTo(await identity('private.jwk'))).toBe('200');
  expect(await secretValue(world, tenant.namespace, tenantSecrets.serving, servingKey)).not.toBe(oldCertificate);

  // An agent may work for an hour on a request for which edge has vouched with the old key, whatever starts meanwhile.
  await world.kubectl.run(['rollout', 'restart', 'deployment/egress', '-n', namespaces.system]);
  await world.kubectl.run(['rollout', 'status', 'deployment/egress', '-n', namespaces.system, '--timeout=100s']);
  expect(await answerToVoucherOf(oldKey)).toBe('200');
  expect(await answerToVoucherOf(JSON.stringify((await generateIdentityKeys()).privateKey))).toBe('403');
});

test('an agent speaks TLS alone, and its certificate passes for no other tenant', async () => {
  const selector = ['-l', `${labels.tenant}=${name}`, '-o', 'jsonpath={.items[0].status.podIP}'];
  const address = (await world.kubectl.run(['get', 'pods', '-n', tenant.namespace, ...selector])).trim();
  const at = (scheme: string) => `${scheme}://${address}:${ports.http}/v1/models`;
  expect(await fromEdge(at('http'))).toMatch(/ECONNRESET|HPE_/);
  expect(await fromEdge(at('https'), 'none', agentHost(name, agentName))).toBe('401');
  expect(await fromEdge(at('https'), 'none', agentHost('acme', agentName))).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
});

test('every credential is replaced at its age, again and again, unnoticed; those before are refused', { timeout: 300_000 }, async () => {
  const seconds = 24;
  const ages = ['database', 'redis', 'identity', 'serving', 'authority'].map((one) => [`rotation.${one}Days`, seconds / 86_400] as const);
  const oldURLs = await urls();
  const endWork = await startWork();
  const since = Date.now();
  goBack = await wayBack(world);
  await setValues(world, Object.fromEntries(ages));

  /** When those were made that have stood in a Secret since then. */
  const made = new Map<string, number[]>();
  const replaced = async (namespace: string, name: string): Promise<number> => {
    const at = Date.parse((await world.kubectl.get('secret', name, namespace))?.metadata.annotations?.[annotations.madeAt] ?? '');
    const seen = made.get(name) ?? [];
    if (at > since && !seen.includes(at)) seen.push(at);
    made.set(name, seen);
    return seen.length;
  };
  const data = [tenantSecrets.database, tenantSecrets.redis];
  const twice = data.map((name) => [tenant.namespace, name, 2] as const);
  // Edge's identity and the authority of agents take longer than their age here: the next is not made before the last is forgotten.
  const once = [
    [tenant.namespace, tenantSecrets.serving, 1] as const,
    ...Object.values(systemSecrets).map((name) => [namespaces.system, name, 1] as const),
  ];
  const all = async () =>
    Promise.all([...twice, ...once].map(async ([namespace, name, times]) => (await replaced(namespace, name)) >= times));
  await until('every credential to be replaced', async () => (await all()).every(Boolean), { within, every: 500 });
  await endWork();
  // Of one age they live three quarters of it at least, and what stands on them is rounded to a second.
  for (const [first = 0, second = 0] of data.map((name) => made.get(name) ?? []))
    expect(second - first).toBeGreaterThan(seconds * 750 - 1_000);
  expect(await Promise.all(oldURLs.map(letsIn))).toEqual([false, false]);
});
