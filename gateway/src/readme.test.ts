import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { edgeErrors } from './edge/errors.ts';
import { edgeSettings } from './edge/settings.ts';
import { egressErrors } from './egress/errors.ts';
import { egressSettings } from './egress/settings.ts';

/** Without the padding that the formatter puts into tables. */
const readme = readFileSync(join(import.meta.dirname, '..', 'README.md'), 'utf8').replaceAll(/ +/g, ' ');
const [edge = '', egress = ''] = readme.split('\n## Egress\n');

test.each([
  ['edge', edge, edgeErrors],
  ['egress', egress, egressErrors],
])('the README lists every error of %s as the catalogue has it', (_, text, catalogue) => {
  for (const [code, { status, say }] of Object.entries(catalogue)) expect(text).toContain(`| \`${code}\` | ${status} | ${say} |`);
});

test('the README lists every setting', () => {
  for (const name of [...Object.keys(edgeSettings.shape), ...Object.keys(egressSettings.shape)])
    expect(readme).toContain(`| \`${name}\` |`);
});
