/** Keys that tenants have of their own with model providers: from their Secrets to what egress is told. */
import { ownKeys, parseDocument, tenantPolicy } from '@cloister/tenancy';
import { describe, expect, test } from 'vitest';
import { modelProviderSpec } from '../api/model-provider.ts';
import { base64, fromBase64 } from '../child.ts';
import * as kinds from '../kinds.ts';
import { check } from './checks.ts';
import { remainingOwnKeys } from './children/own-keys.ts';
import { tenantRoles } from './children/roles.ts';
import { groundwork, surplus, wantedOf } from './plan.ts';
import { legibleEntries, readProviderKeys, type SeenKey } from './provider-keys.ts';
import { offline, snapshot, starter, tenantNamed, worldOf } from './snapshot.fixture.ts';
import { standingOf } from './standing.ts';
import { parseTenantSpec } from './claims.ts';

const model = { name: 'm', contextWindow: 100, maxOutputTokens: 10, price: { inputPerMillion: 1, outputPerMillion: 1 } };
const providerOf = (name: string, changes: object = {}) => ({
  metadata: { name },
  spec: modelProviderSpec.parse({ type: 'OpenAICompatible', baseURL: 'https://x.example', models: [model], ...changes }),
});
const classes = [{ ...starter, spec: { default: true, defaults: { models: { allow: ['main/*', 'strict/*'] } } } }];
const world = {
  ...worldOf(classes),
  providers: [offline, providerOf('main'), providerOf('closed', { ownKeys: 'Forbidden' }), providerOf('strict', { ownKeys: 'Required' })],
};
const usable = (value: string): SeenKey => ({ state: 'usable', value });

/** A tenant that names a key for each of these, in Secret "keys" under the name of the provider. */
function owning(seen: Readonly<Record<string, SeenKey>>, spec: object = {}) {
  const providerKeys = Object.keys(seen).map((provider) => ({ provider, secretRef: { name: 'keys', key: provider } }));
  const tenant = tenantNamed('acme', { ...spec, ...(providerKeys.length > 0 && { providerKeys }) });
  const parsed = parseTenantSpec(tenant);
  if (!parsed.success) throw parsed.error;
  return snapshot({
    spec: { ...spec, providerKeys },
    standing: standingOf({ tenant, spec: parsed.data }, world),
    providerKeys: providerKeys.map((entry) => ({ ...entry, seen: seen[entry.provider] ?? { state: 'missing' } })),
  });
}
type Seen = ReturnType<typeof owning>;
const planned = wantedOf;
const inOwnKeys = (seen: Seen) => planned(seen).filter(({ desired }) => desired.metadata.namespace === 'cloister-own-keys');
function documentOf(seen: Seen) {
  const [secret] = inOwnKeys(seen);
  const text = (secret?.desired as kinds.Secret | undefined)?.data?.['document.json'];
  return parseDocument(ownKeys, 'test', fromBase64(text));
}
const policyOf = (seen: Seen) => {
  const found = planned(seen).find(({ kind, desired }) => kind === kinds.configMaps && desired.metadata.name === 'tenant-acme');
  return parseDocument(tenantPolicy, 'test', (found?.desired as kinds.ConfigMap | undefined)?.data?.['document.json']);
};

describe('a Secret of the tenant', () => {
  const entries = ['a', 'b'].map((key) => ({ provider: key, secretRef: { name: 'keys', key } }));
  const read = async (data: Readonly<Record<string, string>> | undefined, key = 'a') => {
    const secret = data && { metadata: { name: 'keys' }, data: Object.fromEntries(Object.entries(data).map(([k, v]) => [k, base64(v)])) };
    const [found] = await readProviderKeys([{ provider: 'a', secretRef: { name: 'keys', key } }], () => Promise.resolve(secret));
    return found?.seen;
  };
  test.each<[string, Record<string, string> | undefined, SeenKey]>([
    ['is usable where a key stands in it', { a: 'sk-1' }, usable('sk-1')],
    ['is usable where it was made of a file, with a line break at its end', { a: 'sk-1\r\n' }, usable('sk-1')],
    ['may be missing', undefined, { state: 'missing' }],
    ['may lack the key', { b: 'sk-1' }, { state: 'no key' }],
    ['may have it empty', { a: ' \n' }, { state: 'empty' }],
    ['may hold two lines', { a: 'sk-1\nsk-2' }, { state: 'malformed' }],
    ['may hold a sentence', { a: 'my key' }, { state: 'malformed' }],
    ['may hold what no header can carry', { a: 'schlüssel' }, { state: 'malformed' }],
    ['may hold a file of another sort', { a: 'x'.repeat(4097) }, { state: 'malformed' }],
  ])('%s', async (_, data, seen) => {
    expect(await read(data)).toEqual(seen);
  });
  test('has no key by what objects have by themselves', async () => {
    expect(await read({}, 'constructor')).toEqual({ state: 'no key' });
  });
  test('is read once, however many of its keys are named', async () => {
    const reads: string[] = [];
    await readProviderKeys(entries, (name) => {
      reads.push(name);
      return Promise.resolve(undefined);
    });
    expect(reads).toEqual(['keys']);
  });
});

describe('a tenant is told which field to mend', () => {
  test.each<[string, Record<string, SeenKey>, string, RegExp]>([
    [
      'when the Secret is missing',
      { main: { state: 'missing' } },
      'SecretMissing',
      /^spec\.providerKeys\[0\]\.secretRef names Secret "keys" in namespace "tenant-acme", which does not exist; create it with key "main"\. Until then calls of provider "main" fail$/,
    ],
    ['when it lacks the key', { main: { state: 'no key' } }, 'SecretInvalid', /no key "main"; add it/],
    ['when the key is empty', { main: { state: 'empty' } }, 'SecretInvalid', /"main" is empty; write the key of provider "main"/],
    ['when the key is none', { main: { state: 'malformed' } }, 'SecretInvalid', /"main" can be no key.*write it anew/],
    [
      'when there is no such provider',
      { ghost: usable('k') },
      'ProviderUnknown',
      /^spec\.providerKeys\[0\]\.provider is "ghost", which is no ModelProvider/,
    ],
    [
      'when the provider takes none',
      { closed: usable('k') },
      'OwnKeyForbidden',
      /is "closed", which takes no keys of tenants.*remove the entry/,
    ],
    [
      'when the provider calls nobody',
      { offline: usable('k') },
      'OwnKeyForbidden',
      /is "offline", which is of type Offline.*remove the entry/,
    ],
  ])('%s', (_, seen, reason, message) => {
    const found = check(owning(seen)).filter(({ condition }) => condition === 'CredentialsReady');
    expect(found).toMatchObject([{ reason, message: expect.stringMatching(message) as unknown, blocks: false }]);
  });
  test('never with the key itself', () => {
    expect(JSON.stringify(check(owning({ ghost: usable('sk-secret'), closed: usable('sk-secret') })))).not.toContain('sk-secret');
  });
  test('and hears nothing when all are usable', () => {
    expect(check(owning({ main: usable('k'), strict: usable('l') }))).toEqual([]);
  });
});

describe('egress is told', () => {
  test('the keys, in a Secret of its namespace that is written before the policy that has them used', () => {
    const seen = owning({ strict: usable('k2'), main: usable('k1') });
    expect(documentOf(seen)).toEqual({ tenant: 'acme', uid: 'uid-acme', keys: { main: 'k1', strict: 'k2' } });
    expect(policyOf(seen).ownKeys).toEqual(['main', 'strict']);
    expect(groundwork(seen)).toContainEqual(inOwnKeys(seen)[0]);
    expect(JSON.stringify(policyOf(seen))).not.toContain('k1');
  });
  test('to use a key that is not there, or not taken, so that the platform’s is not used for it', () => {
    const seen = owning({ main: { state: 'missing' }, closed: usable('k') });
    expect(documentOf(seen).keys).toEqual({});
    expect(policyOf(seen).ownKeys).toEqual(['closed', 'main']);
  });
  test('nothing by tenants that bring none, and by archived ones', () => {
    expect(inOwnKeys(owning({}))).toEqual([]);
    expect(policyOf(owning({}))).not.toHaveProperty('ownKeys');
    expect(inOwnKeys(owning({ main: usable('k') }, { state: 'Archived' }))).toEqual([]);
  });
  test('no key any longer once the last entry is gone, though a Secret of the same name is wanted elsewhere', () => {
    const seen = owning({});
    const removable = ['cloister-own-keys', 'cloister-access'].map((namespace) => ({
      kind: kinds.secrets,
      object: { metadata: { name: 'tenant-acme', namespace } },
    }));
    expect(surplus({ ...seen, removable }, planned(seen)).map(({ object }) => object.metadata.namespace)).toEqual(['cloister-own-keys']);
  });
});

describe('while the spec cannot be followed, egress is told', () => {
  const toldBefore = (document: string) => ({
    metadata: { name: 'tenant-acme', namespace: 'cloister-own-keys', resourceVersion: '7' },
    data: { 'document.json': base64(document) },
  });
  const remaining = (document: string, seen: Parameters<typeof owning>[0]) =>
    remainingOwnKeys({ ...owning(seen), toldOwnKeys: toldBefore(document) }).map(({ desired, basedOn }) => ({
      basedOn,
      ...parseDocument(ownKeys, 'test', fromBase64((desired as kinds.Secret).data?.['document.json'])),
    }));
  const both = JSON.stringify({ tenant: 'acme', uid: 'uid-acme', keys: { main: 'k1', strict: 'k2' } });
  test('the keys that are still there, as they are now, and no other', () => {
    expect(remaining(both, { main: usable('k3'), strict: { state: 'missing' } })).toMatchObject([{ basedOn: '7', keys: { main: 'k3' } }]);
    const one = JSON.stringify({ tenant: 'acme', uid: 'uid-acme', keys: { strict: 'k2' } });
    expect(remaining(one, { main: usable('k1'), strict: usable('k2') })).toMatchObject([{ keys: { strict: 'k2' } }]);
    expect(remaining(both, {})).toMatchObject([{ keys: {} }]);
  });
  test('none where somebody has spoilt what it was told, and nothing where it was told nothing', () => {
    expect(remaining('{', { main: usable('k1') })).toMatchObject([{ keys: {} }]);
    expect(remainingOwnKeys(owning({ main: usable('k1') }))).toEqual([]);
  });
});

describe('owners may write', () => {
  const keyed = (provider: string, name: string, writableByOwners?: boolean) => ({
    provider,
    secretRef: { name, key: provider },
    ...(writableByOwners !== undefined && { writableByOwners }),
  });
  const access = { hs256: { secretRef: { name: 'users', key: 'key' } } };
  const owners = [{ kind: 'User', name: 'jane', role: 'owner' }];
  /** Of all Roles, what may be patched by name. */
  const patchable = (seen: Seen) =>
    (
      JSON.stringify(tenantRoles(seen)).match(/"resources":\["secrets"\],"resourceNames":\[[^\]]*\],"verbs":\["get","patch"\]/g) ?? []
    ).flatMap((rule) => rule.match(/(?<="resourceNames":).*(?=,"verbs")/)?.flatMap((names) => JSON.parse(names) as string[]) ?? []);
  test.each([
    ['no Secret of which nobody says so', [keyed('a', 'keys'), keyed('b', 'more', false)], []],
    [
      'those of which it is said, by their names',
      [keyed('a', 'keys', true), keyed('b', 'more', true), keyed('c', 'not')],
      ['keys', 'more'],
    ],
    ['none that another entry names and keeps', [keyed('a', 'keys', true), keyed('b', 'keys')], []],
    ['one of which all entries say so, once', [keyed('a', 'keys', true), keyed('b', 'keys', true)], ['keys']],
    ['none that Cloister makes', ['database', 'redis', 'serving', 'api-key-default'].map((name) => keyed(name, name, true)), []],
    ['none by which users come in', [keyed('a', 'users', true)], []],
  ])('%s', (_, providerKeys, names) => {
    const seen = snapshot({ spec: { owners, providerKeys, access } });
    expect(patchable(seen)).toEqual(names);
    expect(JSON.stringify(tenantRoles(seen)).match(/"secrets"/g)).toHaveLength(names.length > 0 ? 2 : 1);
  });
});

describe('of a spec that is refused', () => {
  const entry = (provider: string) => ({ provider, secretRef: { name: 'keys', key: provider } });
  test.each<[string, unknown, readonly object[]]>([
    [
      'entries that can be read by themselves are followed, whatever is wrong beside them',
      { displayName: 7, providerKeys: [entry('main')] },
      [entry('main')],
    ],
    [
      'one that names no Secret is none, and the others stay',
      { providerKeys: [{ provider: 'a' }, 'b', null, entry('main')] },
      [entry('main')],
    ],
    ['none is followed once it is archived', { displayName: 7, state: 'Archived', providerKeys: [entry('main')] }, []],
    ['none is followed once it names none', { displayName: 7 }, []],
    ['none is followed where the list is none', { providerKeys: { main: entry('main') } }, []],
    ['none is followed where there is nothing', null, []],
  ])('%s', (_, spec, entries) => {
    expect(legibleEntries({ spec })).toEqual(entries);
  });
});

describe('a provider that wants tenants’ own keys', () => {
  test('offers its models to those that name one, even where it is missing for the moment', () => {
    expect(policyOf(owning({ strict: { state: 'missing' } })).models).toEqual(['main/m', 'strict/m']);
    expect(policyOf(owning({})).models).toEqual(['main/m']);
  });
  test('is what a tenant that names none is told about', () => {
    const found = check(owning({}, { models: { allow: ['strict/*'] } }));
    expect(found).toMatchObject([
      { reason: 'ModelUnknown', message: expect.stringMatching(/it wants a key.*spec\.providerKeys$/) as unknown },
    ]);
  });
});
