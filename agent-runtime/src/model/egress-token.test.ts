import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { egressToken } from './egress-token.ts';

test('a token that the kubelet has replaced is used within seconds', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'token-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const path = join(directory, 'token');
  let now = 0;
  const read = egressToken(path, () => now);
  await writeFile(path, 'first\n');
  expect(await read()).toBe('first');
  await writeFile(`${path}.new`, 'second');
  await rename(`${path}.new`, path);
  now = 9_999;
  expect(await read()).toBe('first');
  now = 10_000;
  expect(await read()).toBe('second');
});
