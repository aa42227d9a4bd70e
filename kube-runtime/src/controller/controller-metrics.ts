import type { Registry } from 'prom-client';
import { counter, gauge, histogram } from '../metrics.ts';

/** Of controller-runtime: `requeue` comes again with its failures remembered, `requeue_after` without. */
const outcomes = ['success', 'error', 'requeue', 'requeue_after'] as const;
export type Outcome = (typeof outcomes)[number];

export interface ControllerMetrics {
  started(): void;
  ended(seconds: number): void;
  outcome(outcome: Outcome): void;
  failed(): void;
  terminal(): void;
  panicked(): void;
  timedOut(): void;
}

const buckets = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.25, 1.5, 1.75, 2, 2.5, 3,
];
const slowBuckets = [3.5, 4, 4.5, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50, 60];

/** The metrics of controller-runtime, under their names; every series exists from the start, at zero, so that rates can be taken. */
export function controllerMetrics(registry: Registry, controller: string, workers: number): ControllerMetrics {
  const labels = { controller };
  const count = (name: string, help: string) => {
    const metric = counter(registry, { name: `controller_runtime_${name}`, help, labelNames: ['controller'] });
    metric.inc(labels, 0);
    return () => metric.inc(labels);
  };
  const total = counter(registry, {
    name: 'controller_runtime_reconcile_total',
    help: 'Reconciliations by result',
    labelNames: ['controller', 'result'],
  });
  for (const result of outcomes) total.inc({ controller, result }, 0);
  const time = histogram(registry, {
    name: 'controller_runtime_reconcile_time_seconds',
    help: 'Length of a reconciliation',
    labelNames: ['controller'],
    buckets: [...buckets, ...slowBuckets],
  });
  time.zero(labels);
  const active = gauge(registry, { name: 'controller_runtime_active_workers', help: 'Workers busy', labelNames: ['controller'] });
  active.set(labels, 0);
  gauge(registry, { name: 'controller_runtime_max_concurrent_reconciles', help: 'Workers allowed', labelNames: ['controller'] }).set(
    labels,
    workers,
  );
  return {
    started: () => active.inc(labels),
    ended(seconds) {
      active.dec(labels);
      time.observe(labels, seconds);
    },
    outcome: (result) => total.inc({ controller, result }),
    failed: count('reconcile_errors_total', 'Reconciliations that failed'),
    terminal: count('terminal_reconcile_errors_total', 'Reconciliations that failed and are not tried again'),
    panicked: count('reconcile_panics_total', 'Reconciliations that threw a programming error (TypeError, ReferenceError, RangeError)'),
    timedOut: count('reconcile_timeouts_total', 'Reconciliations cut off by the time limit'),
  };
}
