/** How much operator, edge and egress hold, process by process, over the whole run. */
import { namespaces } from '@cloister/tenancy';
import { z } from 'zod';
import { runInside } from '../cluster/index.ts';
import { inside } from '../cluster/paths.ts';
import type { World } from '../e2e/support/world.ts';

export interface Sample {
  readonly at: number;
  /** Bytes. */
  readonly rss: number;
  /** Open file descriptors. */
  readonly handles: number;
}

const pods = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string(), deletionTimestamp: z.string().optional() }),
      status: z.object({
        podIP: z.string().optional(),
        containerStatuses: z.array(z.object({ restartCount: z.number(), ready: z.boolean() })).default([]),
      }),
    }),
  ),
});

/** A process that lived for fewer samples says nothing about growth. */
const fewest = 8;
/** The last quarter of a process's life may hold so much more than its first: caches fill, and tenants come and go. */
const allowed = { factor: 1.5, rss: 40 * 2 ** 20, handles: 60 } as const;

export class Processes {
  readonly samples = new Map<string, Sample[]>();
  /** Restarts by pod. */
  readonly restarts = new Map<string, number>();

  async sample(world: World): Promise<void> {
    const text = await world.kubectl.run(['get', 'pods', '-n', namespaces.system, '-o', 'json']);
    for (const { metadata, status } of pods.parse(JSON.parse(text)).items) {
      const [container] = status.containerStatuses;
      if (metadata.deletionTimestamp !== undefined || !container?.ready || status.podIP === undefined) continue;
      this.restarts.set(metadata.name, container.restartCount);
      const process = `${metadata.name} #${container.restartCount}`;
      const [rss, handles] = await measure(world, status.podIP);
      this.samples.set(process, [...(this.samples.get(process) ?? []), { at: Date.now(), rss, handles }]);
    }
  }

  /** A line for each process that grew more than allowed. */
  grown(): string[] {
    return [...this.samples].flatMap(([process, samples]) => {
      if (samples.length < fewest) return [];
      const quarter = Math.floor(samples.length / 4);
      const growth = (of: keyof Omit<Sample, 'at'>): string[] => {
        const first = median(samples.slice(0, quarter).map((sample) => sample[of]));
        const last = median(samples.slice(-quarter).map((sample) => sample[of]));
        return last > first * allowed.factor && last > first + allowed[of] ? [`${process}: ${of} grew from ${first} to ${last}`] : [];
      };
      return [...growth('rss'), ...growth('handles')];
    });
  }
}

/** From the node, which may reach every pod, as Prometheus would where the chart lets it in. */
async function measure(world: World, podIP: string): Promise<[rss: number, handles: number]> {
  const script = `process.stdout.write(await (await fetch('http://${podIP}:9090/metrics')).text())`;
  const text = await runInside(world.cluster, [`${inside.node}/node`, '--input-type=module', '-e', script]);
  const value = (name: string): number => Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(text)?.[1] ?? NaN);
  return [value('process_resident_memory_bytes'), value('process_open_fds')];
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}
