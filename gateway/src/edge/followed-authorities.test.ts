import { makeAuthority } from '@cloister/certificates';
import { createLogger } from '@cloister/telemetry';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { followedAuthorities, issuersTrust } from './followed-authorities.ts';

const [one, two] = await Promise.all(
  ['one', 'two'].map(async (name) => (await makeAuthority(name, { from: new Date(), days: 1 })).certificate),
);
if (one === undefined || two === undefined) throw new Error('two authorities were made');
const cut = two.replace(/\n[^-\n]+\n-----END/, '\n-----END');

async function follow(text: string) {
  const folder = await mkdtemp(join(tmpdir(), 'authorities-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, 'ca.crt');
  await writeFile(path, text);
  const followed = followedAuthorities(issuersTrust(path), createLogger({ name: 'test', destination: { write: () => undefined } }));
  onTestFinished(followed.stop);
  return followed.initial;
}

test('all that stand in the file count, whatever stands between them', async () => {
  const bundle = `# ours\n${one}# theirs\n${two}`;
  expect(await follow(bundle)).toBe(bundle.trim());
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
