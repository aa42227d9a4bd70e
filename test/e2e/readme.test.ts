/** Steps that are shown, typed as they stand there, block after block in one shell. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openWorld, type World } from './support/world.ts';

const root = join(import.meta.dirname, '..', '..');
const marker = '=====';

let world: World;
let folder: string;
beforeAll(async () => {
  world = await openWorld();
  folder = await mkdtemp(join(tmpdir(), 'readme-'));
  await symlink(world.cluster.kubectl, join(folder, 'kubectl'));
});
afterAll(async () => {
  await world.kubectl.run(['delete', 'tenant', 'charlie', 'delta', '--ignore-not-found', '--timeout=120s']);
  await rm(folder, { recursive: true, force: true });
});

/** What each block of the section answers, typed in order in one shell, in a folder of its own. */
async function type(page: string, section: string): Promise<string[]> {
  const [, rest = ''] = (await readFile(join(root, page), 'utf8')).split(`## ${section}\n`);
  const [text = ''] = rest.split('\n## ');
  const { host } = new URL(world.cluster.ingressURL);
  const blocks = [...text.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block = '']) =>
    block.replaceAll('http://127.0.0.1:18080', world.cluster.ingressURL).replaceAll(':18080', host.slice(host.indexOf(':'))),
  );
  const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', blocks.join(`\necho ${marker}\n`)], {
    cwd: folder,
    env: { ...process.env, KUBECONFIG: world.cluster.kubeconfig, CLOISTER: root, PATH: `${folder}:${process.env['PATH'] ?? ''}` },
  });
  return stdout.split(`${marker}\n`);
}

test('the steps of the README work in order', async () => {
  const [tenant, agent, question, conversation, refused, deleted] = await type('README.md', 'The first tenant, step by step');
  expect(tenant).toContain('tenant.cloister.dev/charlie condition met');
  expect(agent).toContain('agentconfig.cloister.dev/support condition met');
  expect(question).toMatch(/"content":\s*"[^"]*offline model/i);
  expect(conversation).toContain('conversationId');
  expect(refused).toMatch(/HTTP\/1.1 404[\s\S]*HTTP\/1.1 401/);
  expect(deleted).toContain('charlie');
  expect(await world.kubectl.get('namespace', 'tenant-charlie')).toBeUndefined();
});

test('the steps of docs/gateway.md work in order', async () => {
  const [made, asked, limited, usage, spent, audit, deleted] = await type('docs/gateway.md', 'In ten minutes');
  expect(made).toContain('agentconfig.cloister.dev/support condition met');
  expect(asked).toContain('word1 word2 word3 word4 word5');
  expect(limited?.match(/^HTTP\/1.1 \d+/gm)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 200', 'HTTP/1.1 200', 'HTTP/1.1 429']);
  expect(limited).toMatch(/^retry-after: \d+/m);
  expect(usage).toContain('"total":{"requests":4,');
  expect(spent).toMatch(/"code":"budget_exceeded"[^]*\n429\n/);
  expect(audit).toMatch(/^intact: \d+ records of tenant delta [^]*^NOT INTACT[^]*^found, exit code 1$/m);
  expect(deleted).toContain('delta');
});
