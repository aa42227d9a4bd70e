import type { Registry } from 'prom-client';
import { gauge } from '../metrics.ts';

/** Comes to the workers through the same queue as all work. No object has such a key. */
export const heartbeatKey = '/heartbeat';
/** Pause between two of them. Whoever has work to do needs none. */
export const heartbeatMs = 5_000;

/**
 * When a controller last moved: a worker took something or ended it. Without work it moves by a key that asks for nothing, so that a queue that gives
 * nothing out, workers that take nothing and a loop that ended by mistake all show.
 */
export class Heartbeat {
  readonly #now: () => number;
  readonly #show: () => void;
  readonly #hide: () => void;
  #movedAt: number | undefined;

  constructor(registry: Registry, controller: string, now: () => number = () => performance.now()) {
    this.#now = now;
    const metric = gauge(registry, {
      name: 'kube_runtime_controller_heartbeat_timestamp_seconds',
      help: 'When a worker of the controller last took or ended something; without work every few seconds',
      labelNames: ['controller'],
    });
    this.#hide = () => metric.remove({ controller });
    this.#show = () => metric.set({ controller }, Date.now() / 1000);
  }

  beat(): void {
    this.#movedAt = this.#now();
    this.#show();
  }

  /** It works no more, by order: its silence means nothing. */
  end(): void {
    this.#movedAt = undefined;
    this.#hide();
  }

  /** Milliseconds since the last movement; 0 before the first, while nothing is to be done. */
  get silentMs(): number {
    return this.#movedAt === undefined ? 0 : this.#now() - this.#movedAt;
  }
}
