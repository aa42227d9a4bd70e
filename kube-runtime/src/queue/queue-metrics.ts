import type { Registry } from 'prom-client';
import { counter, gauge, histogram } from '../metrics.ts';

export interface QueueLoad {
  /** Keys ready, by priority: those that are in use always, at zero as well. */
  readonly depth: ReadonlyMap<number, number>;
  readonly unfinishedMs: number;
  readonly longestMs: number;
}

export interface QueueMetrics {
  added(): void;
  retried(): void;
  taken(waitedMs: number): void;
  worked(ms: number): void;
  /** Says where to read what is only known at the moment of a scrape. */
  observe(load: () => QueueLoad): void;
  unobserve(): void;
}

const nothing = (): void => undefined;
export const noQueueMetrics: QueueMetrics = {
  added: nothing,
  retried: nothing,
  taken: nothing,
  worked: nothing,
  observe: nothing,
  unobserve: nothing,
};

const seconds = [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100, 1000];

/** The metrics of client-go's queues, under their names; every series exists from the start, at zero. */
export function queueMetrics(registry: Registry, name: string): QueueMetrics {
  const labelNames = ['name', 'controller'] as const;
  const labels = { name, controller: name };
  const adds = counter(registry, { name: 'workqueue_adds_total', help: 'Keys added', labelNames });
  const retries = counter(registry, { name: 'workqueue_retries_total', help: 'Keys added again after a failure', labelNames });
  const waited = histogram(registry, { name: 'workqueue_queue_duration_seconds', help: 'Time a key waited', labelNames, buckets: seconds });
  const worked = histogram(registry, {
    name: 'workqueue_work_duration_seconds',
    help: 'Time spent on a key',
    labelNames,
    buckets: seconds,
  });
  const loads = loadsOf(registry);
  adds.inc(labels, 0);
  retries.inc(labels, 0);
  waited.zero(labels);
  worked.zero(labels);
  return {
    added: () => adds.inc(labels),
    retried: () => retries.inc(labels),
    taken: (ms) => waited.observe(labels, ms / 1000),
    worked: (ms) => worked.observe(labels, ms / 1000),
    observe: (load) => void loads.set(name, load),
    unobserve: () => void loads.delete(name),
  };
}

const loadsByRegistry = new WeakMap<Registry, Map<string, () => QueueLoad>>();

/** Gauges are read from all queues of a registry at the moment of a scrape. */
function loadsOf(registry: Registry): Map<string, () => QueueLoad> {
  const known = loadsByRegistry.get(registry);
  if (known) return known;
  const loads = new Map<string, () => QueueLoad>();
  loadsByRegistry.set(registry, loads);
  gauge(registry, {
    name: 'workqueue_depth',
    help: 'Keys waiting, by priority',
    labelNames: ['name', 'controller', 'priority'],
    collect() {
      for (const [queue, load] of loads)
        for (const [priority, keys] of load().depth) this.set({ name: queue, controller: queue, priority }, keys);
    },
  });
  const read = (name: string, help: string, value: (load: QueueLoad) => number): void => {
    gauge(registry, {
      name,
      help,
      labelNames: ['name', 'controller'],
      collect() {
        for (const [queue, load] of loads) this.set({ name: queue, controller: queue }, value(load()));
      },
    });
  };
  read('workqueue_unfinished_work_seconds', 'Time spent so far on keys not finished', (load) => load.unfinishedMs / 1000);
  read('workqueue_longest_running_processor_seconds', 'Time spent so far on the longest key', (load) => load.longestMs / 1000);
  return loads;
}
