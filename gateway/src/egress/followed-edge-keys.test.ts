import { generateIdentityKeys, type IdentityKeys } from '@cloister/identity';
import { createLogger } from '@cloister/telemetry';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { voucherSigner } from '../voucher/sign-voucher.ts';
import { followedEdgeKeys } from './followed-edge-keys.ts';

const voucher = { tenantUid: 'uid-acme', agent: 'support', caller: 'key:0123456789ab' };
const fileOf = (...keys: readonly IdentityKeys[]): string => JSON.stringify({ keys: keys.flatMap(({ jwks }) => jwks.keys) });
/** As the operator writes a key with which edge signs no more. */
const former = ({ privateKey, jwks }: IdentityKeys, vouchersUntil = new Date(Date.now() + 3_600_000).toISOString()): IdentityKeys => ({
  privateKey,
  jwks: { keys: jwks.keys.map((key) => ({ ...key, vouchersUntil })) },
});

test('believes the keys that stand in the file, and no others, whether it has seen them come or begins with them', async () => {
  const lines: string[] = [];
  const log = createLogger({ name: 'test', destination: { write: (line) => void lines.push(line) } });
  const folder = await mkdtemp(join(tmpdir(), 'edge-keys-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, 'jwks.json');
  const [old, fresh] = await Promise.all([generateIdentityKeys(), generateIdentityKeys()]);
  const signed = await Promise.all([old, fresh].map(async ({ privateKey }) => (await voucherSigner(privateKey))(voucher)));
  await writeFile(path, fileOf(old));
  const { verify, stop } = followedEdgeKeys(path, log, 10);
  onTestFinished(stop);
  const believed = () => Promise.all(signed.map(async (text) => (await verify(text)) !== undefined));
  expect(await believed()).toEqual([true, false]);

  await writeFile(path, fileOf(old, fresh));
  await expect.poll(believed).toEqual([true, true]);

  lines.length = 0;
  await writeFile(path, '{"keys":[]}');
  await expect.poll(() => lines.join()).toContain('cannot be followed');
  expect(await believed()).toEqual([true, true]);

  await writeFile(path, fileOf(fresh, former(old)));
  await expect.poll(() => lines.join()).toContain('have changed');
  expect(await believed()).toEqual([true, true]);
  const anew = followedEdgeKeys(path, log, 10);
  onTestFinished(anew.stop);
  expect(await Promise.all(signed.map(async (text) => (await anew.verify(text)) !== undefined))).toEqual([true, true]);

  await writeFile(path, fileOf(fresh, former(old, new Date().toISOString())));
  await expect.poll(believed, { message: 'though it still stands there' }).toEqual([false, true]);
  await writeFile(path, fileOf(fresh, former(old)));
  await expect.poll(believed).toEqual([true, true]);

  await writeFile(path, fileOf(fresh));
  await expect.poll(believed).toEqual([false, true]);
});

test('does not start without keys', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'edge-keys-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, 'jwks.json');
  await writeFile(path, '{"keys":[]}');
  expect(() => followedEdgeKeys(path, createLogger({ name: 'test', level: 'silent' }))).toThrow(path);
});
