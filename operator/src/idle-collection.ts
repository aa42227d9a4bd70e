/** Gives memory back when there is little to do. */
import { performance, type EventLoopUtilization } from 'node:perf_hooks';

type Collect = (options: NodeJS.GCOptions) => void;

const lookMs = 5_000;
/** Of the processor, over one look's time. */
const idle = 0.1;
/**
 * Grown by so much since the last collection, or after work, it is worth the next: one stops everything for some tens of milliseconds. Work may
 * leave less than there was: caches pack what they hold some time after it came.
 */
const worthwhile = 1.2;

/**
 * V8 collects garbage when it needs room. After a start or a burst it needs none, so what they left behind would stay, more than the caches
 * themselves take. Here it is collected once the process has come to rest, and the freed pages go back to the system.
 *
 * Needs `node --expose-gc`; without it, nothing is done. `trim` does the same for what V8 does not manage. Returns how to stop.
 */
export function collectWhenIdle(
  trim: (() => void) | undefined,
  collect: Collect | undefined = globalThis.gc,
  heapBytes = () => process.memoryUsage().heapTotal,
): () => void {
  if (!collect) return () => undefined;
  let before: EventLoopUtilization = performance.eventLoopUtilization();
  let left = 0;
  let worked = true;
  const timer = setInterval(() => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, before);
    before = now;
    if (utilization > idle) worked = true;
    if (utilization > idle || !(worked || heapBytes() >= left * worthwhile)) return;
    worked = false;
    collect({ type: 'major', flavor: 'last-resort', execution: 'sync' }); // also gives pages back
    trim?.();
    left = heapBytes();
  }, lookMs);
  timer.unref();
  return () => clearInterval(timer);
}
