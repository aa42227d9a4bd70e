import { makeAuthority } from '@cloister/certificates';
import { createLogger } from '@cloister/telemetry';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { followedAuthorities, issuersTrust } from './followed-authorities.ts';

const [one, two] = await Promise.all(
  ['one', 'two'].map(async (name) => (await makeAuthority(name, { from: new Date(), days: 1 })).certificate),
);
if (one === undefined || two === undefined) throw new Error('two authorities were made');
const cut = two.replace(/\n[^-\n]+\n-----END/, '\n-----END');

/** Gives what counts at first, how to put another content in its place, and the log. */
async function follow(text: string) {
  const folder = await mkdtemp(join(tmpdir(), 'authorities-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, 'ca.crt');
  await writeFile(path, text);
  const lines: string[] = [];
  const log = createLogger({ name: 'test', destination: { write: (line) => void lines.push(line) } });
  const followed = followedAuthorities(issuersTrust(path), log, 5);
  onTestFinished(followed.stop);
  const put = async (next: string) => {
    await writeFile(`${path}.next`, next);
    await rename(`${path}.next`, path);
  };
  return { ...followed, put, lines };
}

test('all that stand in the file count, whatever stands between them', async () => {
  const bundle = `# ours\n${one}# theirs\n${two}`;
  expect((await follow(bundle)).initial).toBe(bundle.trim());
});

test.each([
  ['no certificate at all', '# to come', /ISSUER_AUTHORITIES_FILE: .*ca\.crt holds no certificate/],
  [
    'one that is cut short among good ones',
    `${one}${cut}${one}`,
    /ISSUER_AUTHORITIES_FILE: certificate 2 of 3 in .*ca\.crt cannot be read/,
  ],
])('%s is told at the start, with setting and file', async (_, text, problem) => {
  await expect(follow(text)).rejects.toThrow(problem);
});

test.each([
  ['emptied', '', /ca\.crt is empty/],
  ['broken', cut, /certificate 1 of 1 in .*ca\.crt cannot be read/],
])('a file that is %s later leaves those before in force, and the log says so, once', async (_, text, problem) => {
  const { put, lines, onChange } = await follow(one);
  const taken: string[] = [];
  onChange((next) => taken.push(next));
  await put(text);
  await vi.waitFor(() => expect(lines).not.toEqual([]));
  await sleep(50);
  expect(lines).toEqual([expect.stringMatching(problem)]);
  expect(lines[0]).toContain('those before stay in force');
  expect(taken).toEqual([]);
  await put(two);
  await vi.waitFor(() => expect(taken).toEqual([two.trim()]));
});
