/** Rotation of edge's identity as the operator does it, on a real API server: what each tenant is given, in which order, whoever dies in between. */
import { annotations, edgeKeys, namespaces, systemSecrets, tenantConfigMaps } from '@cloister/tenancy';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, afterEach, expect, test } from 'vitest';
import type { BaseObject, Kind } from 'kube-runtime';
import { fromBase64 } from './child.ts';
import * as kinds from './kinds.ts';
import { identityIn, publicKeysIn } from './platform/identity-secret.ts';
import { edgeKeysFile } from './tenant/identity.ts';
import { runOperator, startTimeoutMs, type RunningOperator } from './testing/operator.fixture.ts';
import { TenantWorld } from './testing/tenants.fixture.ts';
import { until, untilQuiet } from './testing/until.fixture.ts';

const settleMs = 1000; // as the test operator is configured

let operator: RunningOperator;
let world: TenantWorld;
beforeAll(async () => {
  operator = await runOperator();
  world = new TenantWorld(operator.cluster);
  await world.prepare();
}, startTimeoutMs);
afterAll(async () => {
  await world.removeAll();
  await operator.stop();
});

const key = { name: systemSecrets.edgeIdentity, namespace: namespaces.system };
const kids = (keys: readonly { readonly kid: string }[] | undefined): string[] => (keys ?? []).map(({ kid }) => kid).sort();
const kidsIn = (configMap: kinds.ConfigMap | undefined): string[] => {
  const text = configMap?.data?.[edgeKeysFile];
  return text === undefined ? [] : kids(edgeKeys.parse(JSON.parse(text)).keys);
};
const secret = () => operator.cluster.get(kinds.secrets, key);
const identity = async () => identityIn(await secret());
const signs = async () => (await identity())?.current.jwk.kid ?? '';
const trusted = async () => kids(publicKeysIn(await secret())?.keys);
const given = async (tenant: string) =>
  kidsIn(await operator.cluster.get(kinds.configMaps, { name: tenantConfigMaps.edgeIdentity, namespace: `tenant-${tenant}` }));
const annotate = (noted: Readonly<Record<string, string>>) =>
  operator.cluster.patch(kinds.secrets, key, { metadata: { annotations: noted } });
const ask = () => annotate({ [annotations.rotate]: `${Math.random()}` });
/** As if edge had changed its key so long ago that no token of the old one is left; after an hour more no voucher is either. */
const letTokensExpire = (secondsAgo = 120) => annotate({ [annotations.madeAt]: new Date(Date.now() - secondsAgo * 1_000).toISOString() });
const egressBelieves = async () => kids(edgeKeys.parse(JSON.parse(fromBase64((await secret())?.data?.['jwks.json']) ?? '')).keys);

/** Every version of edge's Secret and of the tenants' ConfigMaps, in the order in which they were written. */
class History {
  readonly #ending = new AbortController();
  readonly #versions: { readonly at: bigint; readonly where: string; readonly kids: string[]; readonly signs: string | undefined }[] = [];
  readonly #work: Promise<unknown>;

  constructor(from: string) {
    this.#work = Promise.allSettled([
      this.#follow(kinds.secrets, from, (object) => {
        const seen = identityIn(object);
        return { kids: kids(seen?.trusted), signs: seen?.current.jwk.kid };
      }),
      this.#follow(kinds.configMaps, from, (object) => ({ kids: kidsIn(object), signs: undefined })),
    ]);
  }

  async #follow<T extends BaseObject>(kind: Kind<T>, from: string, read: (object: T) => { kids: string[]; signs: string | undefined }) {
    const named = { fieldSelector: `metadata.name=${systemSecrets.edgeIdentity}` };
    for await (const { type, object } of operator.cluster.watch(kind, named, { resourceVersion: from, signal: this.#ending.signal })) {
      const { namespace = '', resourceVersion = '0' } = object.metadata;
      const is = type === 'DELETED' ? { kids: [], signs: undefined } : read(object);
      if (type !== 'BOOKMARK') this.#versions.push({ at: BigInt(resourceVersion), where: `${kind.kind} ${namespace}`, ...is });
    }
  }

  async end(): Promise<void> {
    const ended = await Promise.race([this.#work, Promise.resolve('still watching')]);
    this.#ending.abort();
    await this.#work;
    expect(ended, 'a watch that ended by itself has missed something').toBe('still watching');
  }

  /** Each moment: with which key edge signed, and what the tenants were given. */
  moments(signing: string, known: ReadonlyMap<string, string[]>): { readonly signs: string; readonly given: readonly string[][] }[] {
    const all = new Map([...known].map(([tenant, keys]) => [`ConfigMap tenant-${tenant}`, keys]));
    let current = signing;
    return this.#versions
      .toSorted((one, other) => (one.at < other.at ? -1 : 1))
      .map(({ where, kids: now, signs: by }) => {
        current = by ?? current;
        if (where.startsWith('ConfigMap')) all.set(where, now);
        if (now.length === 0) all.delete(where);
        return { signs: current, given: [...all.values()] };
      });
  }
}

let history: History;
let before: string;
beforeEach(async () => {
  await Promise.all(['one', 'two'].map((name) => world.tenant(name)));
  await Promise.all(['one', 'two'].map((name) => world.ready(name)));
  await world.agent('one', 'support');
  await world.agentReady('one', 'support');
  before = await signs();
  // From now on, not from when the Secret was last written: of that the server may have forgotten what came after.
  const { metadata } = await annotate({ 'test/watched': `${Math.random()}` });
  history = new History(metadata.resourceVersion ?? '');
});
afterEach(async () => {
  await history.end();
  await world.removeTenants();
});

const generation = async () =>
  (await operator.cluster.get(kinds.deployments, { name: 'support', namespace: 'tenant-one' }))?.metadata.generation;

function expectTrustAtEachMoment(): void {
  const moments = history.moments(before, new Map(['one', 'two'].map((name) => [name, [before]])));
  expect(new Set(moments.map(({ signs: by }) => by)).size).toBe(2);
  for (const moment of moments) for (const keys of moment.given) expect(keys).toContain(moment.signs);
}

test('every tenant has the next key before edge signs with it, and the old one until its last token has expired; no agent is restarted', async () => {
  const template = await generation();
  await ask();
  const [, both] = await Promise.all([
    until('edge to sign with another key', async () => (await signs()) !== before),
    until('both keys at the tenants', async () => {
      const [one, two] = await Promise.all([given('one'), given('two')]);
      return one.length === 2 && String(one) === String(two) && one;
    }),
  ]);
  const after = await signs();
  expect(both).toEqual([before, after].sort());

  await pause(settleMs + 500);
  expect(await trusted()).toEqual(both);
  await untilQuiet(operator.writes);
  await pause(2_500);
  expect(operator.writes()).toEqual([]);

  await world.tenant('three');
  await world.ready('three');
  expect(await given('three')).toEqual(both);

  await letTokensExpire();
  for (const name of ['one', 'two', 'three'])
    await until(`the old key to go from ${name}`, async () => String(await given(name)) === after);
  expect(await trusted()).toEqual([after]);
  await pause(500);
  expectTrustAtEachMoment();
  expect(await generation()).toBe(template);
  expect((await secret())?.metadata.annotations?.[annotations.madeFor]).toBe((await secret())?.metadata.annotations?.[annotations.rotate]);

  await untilQuiet(operator.writes);
  await pause(2_500);
  expect(operator.writes()).toEqual([]);
});

test('egress is told of an old key for as long as vouchers of it may be under way, so that one that starts meanwhile knows it', async () => {
  await ask();
  await until('edge to sign with another key', async () => (await signs()) !== before);
  const after = await signs();
  await letTokensExpire();
  await until('agents to forget the old key', async () => String(await given('one')) === after);
  expect(await egressBelieves()).toEqual(expect.arrayContaining([before, after]));
  await untilQuiet(operator.writes);
  await pause(2_500);
  expect(operator.writes()).toEqual([]);

  await ask();
  await until('edge to sign with a third key', async () => (await signs()) !== after);
  expect(await egressBelieves()).toEqual(expect.arrayContaining([before, after, await signs()]));
  await letTokensExpire(2 * 3_600);
  await until('egress to be told of the second key no more', async () => !(await egressBelieves()).includes(after));
  expect(await egressBelieves()).toEqual(expect.arrayContaining([before, await signs()]));
});

test('an operator that dies after each of its writes brings it to the same end', async () => {
  operator.dieAfter(1);
  await ask();
  await until(
    'the old key to be forgotten',
    async () => {
      const now = await identity();
      if (now && now.current.jwk.kid !== before && now.current.madeAt.getTime() > Date.now() - 60_000) await letTokensExpire();
      const done =
        now?.current.jwk.kid !== before && now?.trusted.length === 1 && String(await given('one')) === String(await given('two'));
      if (done && (await given('one')).length === 1) return true;
      if (!operator.died()) return false;
      await operator.restart();
      operator.dieAfter(1);
      return false;
    },
    60_000,
  );
  await operator.restart();
  expectTrustAtEachMoment();
});

test('a tenant whose spec cannot be followed holds up nobody: its agents get the keys all the same', async () => {
  await operator.cluster.patch(kinds.tenants, { name: 'one' }, { spec: { classRef: { name: 'no-such-class' } } });
  await world.unready('one', 'ClassNotFound');
  await ask();
  await until('edge to sign with another key', async () => (await signs()) !== before);
  expect((await given('one')).length).toBe(2);
  await letTokensExpire();
  await until('the old key to be forgotten', async () => (await given('one')).length === 1);
  expectTrustAtEachMoment();
});

test('keys that somebody changed at a tenant are put right, and count from then on', async () => {
  const configMap = { name: tenantConfigMaps.edgeIdentity, namespace: 'tenant-one' };
  await operator.cluster.patch(kinds.configMaps, configMap, { data: { [edgeKeysFile]: '{"keys":[]}' } }).catch(() => undefined);
  await until('the keys to be back', async () => String(await given('one')) === before);
  await operator.cluster.delete(kinds.configMaps, configMap);
  await until('the ConfigMap to be back', async () => String(await given('one')) === before);
});
