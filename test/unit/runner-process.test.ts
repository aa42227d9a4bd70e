import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { endCommands, runLogged } from '../runner/process.ts';

test('a run that is cut off takes its commands along', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'runner-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const log = join(folder, 'log');
  const ended = runLogged(['sh', '-c', 'echo begun; exec sleep 600'], { log });
  await expect.poll(() => readFile(log, 'utf8').catch(() => '')).toContain('begun');
  endCommands();
  expect(await ended).toMatchObject({ code: -1 });
});
