/** Secrets that tenants bring are in no cache unless they bear a label: how long an edit of one takes to be in force. */
import { documentKey, labels, namespaceOf, namespaces } from '@cloister/tenancy';
import { expect, test } from 'vitest';
import { base64, fromBase64 } from '../../operator/src/child.ts';
import * as kinds from '../../operator/src/kinds.ts';
import { modelsNamed } from './person.ts';
import { onStage, type Stage } from './scene.ts';
import { byOtherRules } from './served-kinds.ts';

const namespace = namespaceOf('acme');
const named = [{ provider: 'openai', secretRef: { name: 'keys', key: 'openai' } }];
const acme = async ({ person }: Pick<Stage, 'person'>): Promise<void> => {
  await person.create(
    kinds.modelProviders,
    { name: 'openai' },
    { spec: { type: 'OpenAI', ownKeys: 'Required', models: modelsNamed('m') } },
  );
  await person.tenant('acme', { providerKeys: named });
};
const secret = { name: 'keys', namespace };
const told = ({ world }: Stage): string | undefined => {
  const found = kinds.secrets.accept(world.find('Secret', 'tenant-acme', namespaces.ownKeys) ?? { metadata: { name: 'none' } });
  return fromBase64(found.data?.[documentKey]);
};
const written = (key: string) => ({ data: { openai: base64(key) } });
const labelled = { ...secret, labels: { [labels.tenant]: 'acme' } };
/** Counts how often the operator asks for the Secret while so many milliseconds pass. */
async function readsWithin(ms: number, { world }: Stage): Promise<number> {
  let reads = 0;
  world.mishap = ({ what }) => {
    if (what.startsWith('GET ') && what.includes(`/namespaces/${namespace}/secrets/keys`)) reads++;
    return undefined;
  };
  await world.pass(ms);
  world.mishap = () => undefined;
  return reads;
}
const hour = 3_600_000;

test('a key that was missing is told to egress within ten seconds of being brought, and one that is edited within a minute', () =>
  onStage('a tenant whose key is missing', [acme], async (stage) => {
    const { person, world } = stage;
    await person.editTenant('acme', { providerKeys: null });
    await world.converge();
    await person.editTenant('acme', { providerKeys: named });
    await world.pass(1_000);
    expect(told(stage)).toContain('"keys":{}');
    await person.create(kinds.secrets, secret, written('sk-first'));
    await world.pass(11_000);
    expect(told(stage)).toContain('"keys":{"openai":"sk-first"}');
    await person.edit(kinds.secrets, secret, written('sk-second'));
    await world.pass(61_000);
    expect(told(stage)).toContain('"keys":{"openai":"sk-second"}');
  }));

test('one that has been missing for long is told within a minute, and looked for no more often', () =>
  onStage('a tenant whose key is missing', [acme], async (stage) => {
    const { person, world } = stage;
    await world.pass(hour);
    expect(await readsWithin(hour, stage)).toBeLessThanOrEqual(61);
    await person.create(kinds.secrets, secret, written('sk-first'));
    await world.pass(61_000);
    expect(told(stage)).toContain('"keys":{"openai":"sk-first"}');
  }));

test('one in a Secret with the label of its tenant is told within two seconds of each edit, and never asked for', () =>
  onStage('a tenant whose key is missing', [acme], async (stage) => {
    const { person, world } = stage;
    await person.create(kinds.secrets, labelled, written('sk-first'));
    await world.pass(2_000);
    expect(told(stage)).toContain('"keys":{"openai":"sk-first"}');
    await person.edit(kinds.secrets, secret, written('sk-second'));
    await world.pass(2_000);
    expect(told(stage)).toContain('"keys":{"openai":"sk-second"}');
    expect(await readsWithin(hour, stage)).toBe(0);
  }));

test('a tenant that is archived is not asked for its keys', () =>
  onStage('a tenant whose key is there', [acme], async (stage) => {
    const { person, world } = stage;
    await person.create(kinds.secrets, secret, written('sk-first'));
    await person.editTenant('acme', { state: 'Archived' });
    await world.converge();
    expect(told(stage)).toBeUndefined();
    expect(await readsWithin(hour, stage)).toBe(0);
  }));

test('while a spec cannot be followed a key follows its Secret and goes with it, and none is added', () =>
  onStage('a tenant whose key is there', [acme], async (stage) => {
    const { person, world } = stage;
    await person.create(kinds.secrets, secret, written('sk-first'));
    await world.converge();
    await person.editTenant('acme', { classRef: { name: 'ghost' } });
    await world.converge();
    expect(JSON.stringify(world.find('Tenant', 'acme')?.['status'])).toContain('"reason":"ClassNotFound"');
    expect(told(stage)).toContain('"keys":{"openai":"sk-first"}');
    await person.edit(kinds.secrets, secret, written('sk-second'));
    await world.pass(61_000);
    expect(told(stage)).toContain('"keys":{"openai":"sk-second"}');
    await person.remove(kinds.secrets, secret);
    await world.pass(61_000);
    expect(told(stage)).toContain('"keys":{}');
    await person.create(kinds.secrets, secret, written('sk-third'));
    await world.pass(61_000);
    expect(told(stage)).toContain('"keys":{}');
    await person.editTenant('acme', { classRef: null });
    await world.pass(61_000);
    expect(told(stage)).toContain('"keys":{"openai":"sk-third"}');
  }));

test('while a spec is refused a key follows its Secret, and goes with it, with its entry and with the tenant’s archiving', () =>
  onStage('a tenant whose key is there', [acme], async (stage) => {
    const { person, world } = stage;
    const store = (spec: object) =>
      person.edit(kinds.tenants, { name: 'acme' }, { metadata: { annotations: { [byOtherRules]: 'yes' } }, spec });
    await person.create(kinds.secrets, secret, written('sk-first'));
    await world.converge();
    await store({ displayName: 7 });
    await world.converge();
    expect(JSON.stringify(world.find('Tenant', 'acme')?.['status'])).toContain('"reason":"InvalidSpec"');
    expect(told(stage)).toContain('"keys":{"openai":"sk-first"}');
    await person.edit(kinds.secrets, secret, written('sk-second'));
    await world.pass(61_000);
    expect(told(stage)).toContain('"keys":{"openai":"sk-second"}');
    for (const gone of [{ providerKeys: null }, { providerKeys: [{ provider: 'openai' }] }, { providerKeys: named, state: 'Archived' }]) {
      await store(gone);
      await world.pass(2_000);
      expect(told(stage)).toContain('"keys":{}');
      await store({ providerKeys: named, state: 'Active' });
      await world.pass(61_000);
      expect(told(stage)).toContain('"keys":{}'); // none is added
      await store({ displayName: null });
      await world.converge();
      expect(told(stage)).toContain('"keys":{"openai":"sk-second"}');
      await store({ displayName: 7 });
      await world.converge();
    }
    await person.remove(kinds.secrets, secret);
    await world.pass(61_000);
    expect(told(stage)).toContain('"keys":{}');
  }));

test('no Secret is read in a namespace that is not the tenant’s: the status says the same whatever is in it', () =>
  onStage('nobody', [], async (stage) => {
    const { person, world } = stage;
    await person.create(kinds.namespaceKind, { name: namespace });
    await person.create(kinds.secrets, secret, { data: { openai: base64('a secret of somebody else, of more than 32 bytes') } });
    await acme(stage);
    await person.editTenant('acme', { access: { hs256: { secretRef: { name: 'keys', key: 'openai' } } } });
    expect(await readsWithin(hour, stage)).toBe(0);
    const status = JSON.stringify(world.find('Tenant', 'acme')?.['status']);
    for (const reason of ['NamespaceTaken', 'SecretMissing']) expect(status).toContain(`"reason":"${reason}"`);
    expect(told(stage)).toBeUndefined();
  }));
