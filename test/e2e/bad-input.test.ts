/** What cannot be: refused at apply, or a condition that names field and remedy; never silence, and never a neighbour's trouble. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { call } from './support/http.ts';
import { conditionOf } from './support/kubectl.ts';
import { agentManifest, agentName, createTenant, deleteTenant, tenantManifest, type LiveTenant } from './support/tenants.ts';
import { until } from './support/until.ts';
import { openWorld, type World } from './support/world.ts';

let world: World;
let neighbour: LiveTenant;
beforeAll(async () => {
  world = await openWorld();
  neighbour = await createTenant(world, { name: 'bad-neighbour' });
});
afterAll(async () => {
  await Promise.all(['bad-neighbour', 'bad-class', 'bad-secret', 'bad-hijack'].map((name) => deleteTenant(world, name)));
  await world.kubectl.run(['delete', 'namespace', 'tenant-bad-hijack', '--ignore-not-found', '--wait=false']);
});

const said = async (kind: string, name: string, words: RegExp, namespace?: string): Promise<string> =>
  until(
    `${kind} ${name} to say ${String(words)}`,
    async () => {
      const object = await world.kubectl.get(kind, name, namespace);
      const ready = conditionOf(object, 'Ready');
      if (ready?.status === 'True') return undefined;
      return object?.status?.conditions?.map(({ message }) => message ?? '').find((message) => words.test(message));
    },
    { within: 20_000 },
  );

describe('kubectl apply refuses', () => {
  test.each([
    ['a field that does not exist', tenantManifest({ name: 'bad', spec: { qouta: { pods: 3 } } }), /unknown field "(spec\.)?qouta"/],
    ['an impossible quantity', tenantManifest({ name: 'bad', spec: { quota: { memory: 'lots' } } }), /spec\.quota\.memory/],
    ['a negative number of pods', tenantManifest({ name: 'bad', spec: { quota: { pods: -1 } } }), /spec\.quota\.pods/],
    [
      'a time zone that does not exist',
      tenantManifest({ name: 'bad', spec: { budget: { timeZone: 'Mars/Olympus' } } }),
      /spec\.budget\.timeZone[^]*Mars\/Olympus[^]*for example Europe\/Vienna/,
    ],
    ['a name that cannot be a namespace', tenantManifest({ name: 'a.b' }), /metadata\.name|name/],
    ['a name too long for a namespace', tenantManifest({ name: 'n'.repeat(41) }), /40/],
    ['a model that names no provider', agentManifest({ name: 'bad-neighbour', agent: { model: 'gpt-5' } }), /spec\.model/],
    [
      'what is not yet implemented',
      agentManifest({ name: 'bad-neighbour', agent: { tools: [{ name: 'x' }] } }),
      /not yet implemented|unknown field/,
    ],
    [
      'an agent outside every tenant',
      { ...agentManifest({ name: 'x' }), metadata: { name: 'stray', namespace: 'no-such-namespace' } },
      /not found/,
    ],
  ])('%s', async (_, manifest, words) => {
    const { code, stderr } = await world.kubectl.tryApply(manifest);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(words);
  });
});

describe('a condition names field and remedy', () => {
  test('when the class does not exist, and all is well once it does', async () => {
    await world.kubectl.apply(tenantManifest({ name: 'bad-class', spec: { classRef: { name: 'no-such-class' } } }));
    expect(await said('tenant', 'bad-class', /classRef/)).toMatch(/no-such-class[^]*TenantClass/);
    await world.kubectl.apply(tenantManifest({ name: 'bad-class' }));
    await world.kubectl.run(['wait', 'tenant', 'bad-class', '--for=condition=Ready', '--timeout=30s']);
  });

  test('when a Secret is missing, and all is well once it is there', async () => {
    const access = { hs256: { secretRef: { name: 'jwt', key: 'secret' } } };
    await world.kubectl.apply(tenantManifest({ name: 'bad-secret', spec: { access } }));
    expect(await said('tenant', 'bad-secret', /secretRef/)).toMatch(/jwt[^]*tenant-bad-secret/);
    const stringData = { secret: 'long enough to be a secret of HS256, surely' };
    await world.kubectl.apply({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'jwt', namespace: 'tenant-bad-secret' }, stringData });
    await world.kubectl.run(['wait', 'tenant', 'bad-secret', '--for=condition=Ready', '--timeout=30s']);
  });

  test('when nobody allows the model, while the agent goes on answering as before', async () => {
    await world.kubectl.apply(agentManifest({ name: 'bad-neighbour', agent: { model: 'openai/gpt-5' } }));
    expect(await said('agentconfig', agentName, /spec\.model/, 'tenant-bad-neighbour')).toMatch(/openai\/gpt-5[^]*models\.allow/);
    const body = { model: agentName, messages: [{ role: 'user', content: 'still there?' }] };
    expect((await call(`${neighbour.url}/v1/chat/completions`, { method: 'POST', key: neighbour.key, body })).status).toBe(200);
    await world.kubectl.apply(agentManifest({ name: 'bad-neighbour' }));
    await world.kubectl.run(['wait', 'agentconfig', agentName, '-n', 'tenant-bad-neighbour', '--for=condition=Ready', '--timeout=30s']);
    await world.kubectl.run(['wait', 'tenant', 'bad-neighbour', '--for=condition=Ready', '--timeout=30s']);
  });

  test('when a namespace of that name is somebody else’s, which is left untouched', async () => {
    await world.kubectl.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'tenant-bad-hijack', labels: { team: 'other' } } });
    const before = await world.kubectl.get('namespace', 'tenant-bad-hijack');
    await world.kubectl.apply(tenantManifest({ name: 'bad-hijack' }));
    expect(await said('tenant', 'bad-hijack', /namespace/)).toMatch(/tenant-bad-hijack[^]*cloister\.dev\/tenant/);
    await deleteTenant(world, 'bad-hijack');
    const after = await world.kubectl.get('namespace', 'tenant-bad-hijack');
    expect(after?.metadata.resourceVersion).toBe(before?.metadata.resourceVersion);
    expect(await world.kubectl.list('networkpolicies,secrets,roles', ['-n', 'tenant-bad-hijack'])).toEqual([]);
  });
});

test('through all of this the neighbour stays Ready', async () => {
  const tenant = await world.kubectl.get('tenant', 'bad-neighbour');
  expect(conditionOf(tenant, 'Ready')?.status).toBe('True');
});
