import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Registry } from 'prom-client';
import { gauge } from '../metrics.ts';

/** Shows how late timers are: what blocks the loop holds up all controllers at once. Returns how to stop. */
export function watchEventLoop(registry: Registry): () => void {
  const delay = monitorEventLoopDelay({ resolution: 20 });
  delay.enable();
  gauge(registry, {
    name: 'kube_runtime_event_loop_delay_seconds',
    help: 'Longest delay of the event loop since the last scrape',
    collect() {
      this.set(delay.max / 1e9);
      delay.reset();
    },
  });
  return () => void delay.disable();
}
