/** Secrets that tenants bring are in no cache unless they bear a label: how long an edit of one takes to be in force. */
import { documentKey, namespaceOf, namespaces } from '@cloister/tenancy';
import { expect, test } from 'vitest';
import { base64, fromBase64 } from '../../operator/src/child.ts';
import * as kinds from '../../operator/src/kinds.ts';
import { modelsNamed } from './person.ts';
import { onStage, type Stage } from './scene.ts';
import type { Act } from './workloads.ts';

const namespace = namespaceOf('acme');
const acme: Act = async ({ person }) => {
  await person.create(
    kinds.modelProviders,
    { name: 'openai' },
    { spec: { type: 'OpenAI', ownKeys: 'Required', models: modelsNamed('m') } },
  );
  await person.tenant('acme', { providerKeys: [{ provider: 'openai', secretRef: { name: 'keys', key: 'openai' } }] });
};
const secret = { name: 'keys', namespace };
const told = ({ world }: Stage): string | undefined => {
  const found = kinds.secrets.accept(world.find('Secret', 'tenant-acme', namespaces.ownKeys) ?? { metadata: { name: 'none' } });
  return fromBase64(found.data?.[documentKey]);
};
const written = (key: string) => ({ data: { openai: base64(key) } });

test('a key that was missing is told to egress within ten seconds of being brought, and one that is edited within a minute', () =>
  onStage('a tenant whose key is missing', [acme], async (stage) => {
    const { person, world } = stage;
    expect(told(stage)).toContain('"keys":{}');
    await person.create(kinds.secrets, secret, written('sk-first'));
    await world.pass(11_000);
    expect(told(stage)).toContain('"keys":{"openai":"sk-first"}');
    await person.edit(kinds.secrets, secret, written('sk-second'));
    await world.pass(61_000);
    expect(told(stage)).toContain('"keys":{"openai":"sk-second"}');
  }));
