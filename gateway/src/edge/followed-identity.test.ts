import { callerVerifier, generateIdentityKeys } from '@cloister/identity';
import { agentAudienceOf, edgeIssuer } from '@cloister/tenancy';
import { createLogger } from '@cloister/telemetry';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { followedIdentity } from './followed-identity.ts';

test('signs with the key that stands in the file, and keeps the last one that could be used', async () => {
  const lines: string[] = [];
  const log = createLogger({ name: 'test', destination: { write: (line) => void lines.push(line) } });
  const folder = await mkdtemp(join(tmpdir(), 'identity-'));
  const path = join(folder, 'private.jwk');
  const [old, fresh] = await Promise.all([generateIdentityKeys(), generateIdentityKeys()]);
  await writeFile(path, JSON.stringify(old.privateKey));
  const { sign, stop } = await followedIdentity(path, log, 10);
  const caller = { tenant: 'acme', subject: 'key:1', scopes: ['chat'] };
  const signsWith = async ({ jwks }: typeof old): Promise<boolean> => {
    const verify = callerVerifier({ issuer: edgeIssuer, audience: agentAudienceOf('acme'), jwks });
    return sign(caller, agentAudienceOf('acme'))
      .then(verify)
      .then(
        () => true,
        () => false,
      );
  };
  expect(await signsWith(old)).toBe(true);
  await writeFile(path, 'no key "secret-text"');
  await expect.poll(() => lines.length).toBeGreaterThan(0);
  expect(await signsWith(old)).toBe(true);
  expect(lines.join()).not.toContain('secret-text');
  await writeFile(path, JSON.stringify(fresh.privateKey));
  await expect.poll(() => signsWith(fresh)).toBe(true);
  expect(await signsWith(old)).toBe(false);
  stop();
  await rm(folder, { recursive: true });
});
