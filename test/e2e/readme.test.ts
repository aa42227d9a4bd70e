/** The README's first tenant, typed as it stands there, block after block in one shell. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openWorld, type World } from './support/world.ts';

const readme = join(import.meta.dirname, '..', '..', 'README.md');
const section = 'The first tenant, step by step';
const marker = '=====';

let world: World;
let folder: string;
beforeAll(async () => {
  world = await openWorld();
  folder = await mkdtemp(join(tmpdir(), 'readme-'));
  await symlink(world.cluster.kubectl, join(folder, 'kubectl'));
});
afterAll(async () => {
  await world.kubectl.run(['delete', 'tenant', 'charlie', '--ignore-not-found', '--timeout=120s']);
  await rm(folder, { recursive: true, force: true });
});

async function blocks(): Promise<string[]> {
  const [, rest = ''] = (await readFile(readme, 'utf8')).split(`## ${section}\n`);
  const [text = ''] = rest.split('\n## ');
  return [...text.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block = '']) =>
    block.replaceAll('http://127.0.0.1:18080', world.cluster.ingressURL),
  );
}

test('the steps of the README work in order', async () => {
  const script = (await blocks()).join(`\necho ${marker}\n`);
  const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', script], {
    env: { ...process.env, KUBECONFIG: world.cluster.kubeconfig, PATH: `${folder}:${process.env['PATH'] ?? ''}` },
  });
  const [tenant, agent, question, conversation, refused, deleted] = stdout.split(`${marker}\n`);
  expect(tenant).toContain('tenant.cloister.dev/charlie condition met');
  expect(agent).toContain('agentconfig.cloister.dev/support condition met');
  expect(question).toMatch(/"content":\s*"[^"]*offline model/i);
  expect(conversation).toContain('conversationId');
  expect(refused).toMatch(/HTTP\/1.1 404[\s\S]*HTTP\/1.1 401/);
  expect(deleted).toContain('charlie');
  expect(await world.kubectl.get('namespace', 'tenant-charlie')).toBeUndefined();
});
