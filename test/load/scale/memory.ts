import { kind, type Cluster } from 'kube-runtime';
import { setTimeout as pause } from 'node:timers/promises';
import { atMost, plain, rounded, type Figure } from './figure.ts';
import { inParallel } from './fleet.ts';
import type { OperatorProcess } from './operator-process.ts';

export interface Footprint {
  /** MiB. */
  readonly resident: number;
  readonly peak: number;
  readonly heap: number;
}

/** The operator packs what its caches hold half a minute after it came, takes its time, and gives back what that left behind. */
const restMs = 75_000;

/** Of an operator that has had nothing to do for a while. */
export async function footprintOf(operator: OperatorProcess): Promise<Footprint> {
  await operator.settled();
  await pause(restMs);
  const { heap } = await operator.metrics();
  return { resident: operator.memory(), peak: operator.peakMemory(), heap };
}

/** A footprint with tenants beside one without any. */
export function memory(empty: Footprint, full: Footprint, tenants: number): Figure[] {
  const growth = ((full.resident - empty.resident) * 1024) / tenants;
  return [
    atMost(`memory at ${tenants} tenants, after a restart`, full.resident, 150, 'MiB'),
    plain('… at its highest, while it started', `${rounded(full.peak)} MiB`),
    plain('… of it live JavaScript', `${rounded(full.heap)} MiB`),
    plain('memory without tenants', `${rounded(empty.resident)} MiB`),
    plain('growth for a tenant with its agents', `${rounded(growth)} KiB`),
  ];
}

const namespaceObjects = kind('v1', 'Namespace');
const perNamespace = 500;

/** Secrets and ConfigMaps of others, 1 KiB each: what a shared cluster is full of. */
export async function makeForeignObjects(client: Cluster, count: number): Promise<void> {
  const kinds = [kind('v1', 'Secret'), kind('v1', 'ConfigMap')];
  const spaces = Array.from({ length: Math.ceil(count / perNamespace) }, (_, index) => `foreign-${index}`);
  for (const name of spaces) await client.create(namespaceObjects, { metadata: { name } });
  const data = { value: Buffer.alloc(768, 'x').toString('base64') };
  await inParallel(
    Array.from({ length: count }, (_, index) => index),
    32,
    async (index) => {
      const of = kinds[index % kinds.length];
      const metadata = { name: `object-${index}`, namespace: spaces[Math.floor(index / perNamespace)] };
      if (of) await client.create(of, { metadata, data });
    },
  );
}
