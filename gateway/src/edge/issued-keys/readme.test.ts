/** The README's commands for keys, typed as they stand there. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { edgeUnderTest } from '../edge.fixture.ts';

const readme = readFileSync(join(import.meta.dirname, '../../../README.md'), 'utf8');
const [, rest = ''] = readme.split('\n### Keys by API\n');
const [section = ''] = rest.split('\n### ');
const blocks = [...section.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block = '']) => block);

const made = z.looseObject({ id: z.string(), key: z.string() });

async function type(block: string | undefined, variables: Readonly<Record<string, string>>): Promise<unknown[]> {
  const script = (block ?? '').replaceAll(/^(?=curl)/gm, 'echo; ');
  const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', script], { env: { ...process.env, ...variables } });
  return stdout.split('\n').flatMap((line): unknown[] => (line === '' ? [] : [JSON.parse(line)]));
}

test('a key is issued, used, listed, revoked and then refused', async () => {
  await using edge = await edgeUnderTest();
  const variables = { EDGE: edge.url, ADMIN: edge.addTenant('acme', {}, ['chat', 'admin']) };
  expect(blocks).toHaveLength(2);
  const [issued] = await type(blocks[0], variables);
  const { id, key } = made.parse(issued);
  const [models, list, refused] = await type(blocks[1], { ...variables, KEY: key, ID: id });
  expect(models).toMatchObject({ data: [{ id: 'support' }] });
  expect(list).toMatchObject({ data: [{ issued: null }, { id, name: 'website', rateLimits: { requestsPerMinute: 60 } }] });
  expect(refused).toMatchObject({ error: { code: 'credential_invalid' } });
});
