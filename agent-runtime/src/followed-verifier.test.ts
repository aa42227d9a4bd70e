import { callerSigner, generateIdentityKeys, type IdentityKeys } from '@cloister/identity';
import { createLogger } from '@cloister/telemetry';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { followedVerifier } from './followed-verifier.ts';

const rules = { issuer: 'edge', audience: 'agent:acme' };
const caller = { tenant: 'acme', subject: 'key:1', scopes: ['chat'] };
const signedBy = async ({ privateKey }: IdentityKeys): Promise<string> =>
  (await callerSigner(privateKey, rules.issuer))(caller, rules.audience);
const fileOf = (...keys: readonly IdentityKeys[]): string => JSON.stringify({ keys: keys.flatMap(({ jwks }) => jwks.keys) });

test('trusts the keys that stand in the file, and keeps the last ones that could be used', async () => {
  const lines: string[] = [];
  const logger = createLogger({ name: 'test', destination: { write: (line) => void lines.push(line) } });
  const folder = await mkdtemp(join(tmpdir(), 'identity-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, 'jwks.json');
  const [old, fresh] = await Promise.all([generateIdentityKeys(), generateIdentityKeys()]);
  await writeFile(path, fileOf(old));
  const { verify, stop } = followedVerifier(path, rules, logger, 10);
  onTestFinished(stop);
  const trusts = async (...keys: readonly IdentityKeys[]): Promise<boolean[]> =>
    Promise.all(
      keys.map(async (key) =>
        verify(await signedBy(key)).then(
          () => true,
          () => false,
        ),
      ),
    );
  expect(await trusts(old, fresh)).toEqual([true, false]);

  await writeFile(path, fileOf(old, fresh));
  await expect.poll(() => trusts(old, fresh)).toEqual([true, true]);

  for (const unusable of ['no keys', '{"keys":[]}']) {
    lines.length = 0;
    await writeFile(path, unusable);
    await expect.poll(() => lines.join()).toContain('cannot be followed');
    expect(await trusts(old, fresh)).toEqual([true, true]);
  }

  await writeFile(path, fileOf(fresh));
  await expect.poll(() => trusts(old, fresh)).toEqual([false, true]);
});

test.each(['', '{"keys":[]}', '{"keys":[{"kty":"RSA"}]}'])('does not start on %j', async (text) => {
  const folder = await mkdtemp(join(tmpdir(), 'identity-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, 'jwks.json');
  await writeFile(path, text);
  expect(() => followedVerifier(path, rules, createLogger({ name: 'test', level: 'silent' }))).toThrow(path);
});
