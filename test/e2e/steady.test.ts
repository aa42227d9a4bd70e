/** Counts the operator's writes in the API server's own audit log, over five minutes in which nothing changes and across its restart. */
import { namespaces } from '@cloister/tenancy';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { agentConfigsCounted } from '../state/agents-counted.ts';
import { createTenant, deleteTenant } from './support/tenants.ts';
import { openWorld, type World } from './support/world.ts';

const auditEvent = z.object({
  verb: z.string(),
  requestReceivedTimestamp: z.string(),
  user: z.object({ username: z.string() }),
  objectRef: z
    .object({ resource: z.string(), namespace: z.string().optional(), name: z.string().optional(), subresource: z.string().optional() })
    .optional(),
});
const writes = new Set(['create', 'update', 'patch', 'delete', 'deletecollection']);
const operator = `system:serviceaccount:${namespaces.system}:operator`;
const fiveMinutes = 300_000;

let world: World;
beforeAll(async () => {
  world = await openWorld();
  await createTenant(world, { name: 'steady' });
  await agentConfigsCounted(world.cluster.kubeconfig);
}, 420_000);
afterAll(() => deleteTenant(world, 'steady'));

/** The renewal of its lease is how the operator shows that it lives; it is the one write that may go on. */
async function writesSince(time: Date): Promise<string[]> {
  const text = await readFile(world.cluster.auditLog, 'utf8');
  const events = text
    .split('\n')
    .filter(Boolean)
    .map((line) => auditEvent.parse(JSON.parse(line)));
  return events
    .filter((event) => event.user.username === operator && writes.has(event.verb) && new Date(event.requestReceivedTimestamp) >= time)
    .filter(({ objectRef }) => objectRef?.resource !== 'leases')
    .map(
      ({ verb, objectRef }) =>
        `${verb} ${objectRef?.resource ?? ''}/${objectRef?.subresource ?? ''} ${objectRef?.namespace ?? ''}/${objectRef?.name ?? ''}`,
    );
}

test('the audit log sees what the operator writes, so that its silence means something', async () => {
  const seen = await writesSince(new Date(0));
  expect(seen.some((line) => line.includes('namespaces/') && line.includes('tenant-steady'))).toBe(true);
});

test(
  'with nothing changing the operator writes nothing for five minutes, and nothing after its restart',
  { timeout: fiveMinutes + 300_000 },
  async () => {
    await sleep(70_000); // what other tests' tenants have used is in their status once a minute has passed
    const quiet = new Date();
    await sleep(fiveMinutes);
    expect(await writesSince(quiet)).toEqual([]);

    const restart = new Date();
    await world.kubectl.run(['delete', 'pod', '-n', namespaces.system, '-l', 'app.kubernetes.io/component=operator', '--grace-period=5']);
    await world.kubectl.run(['rollout', 'status', 'deployment/operator', '-n', namespaces.system, '--timeout=120s']);
    await sleep(45_000); // the lease of the pod before (15 s at most), a full sync, and time to do something wrong
    expect(await writesSince(restart)).toEqual([]);
  },
);
