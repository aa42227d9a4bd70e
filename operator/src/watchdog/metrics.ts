import { Gauge, type Registry } from '@cloister/telemetry';
import type { Digest } from '../digest.ts';
import type { Behind, Standing } from './behind.ts';

export interface BehindGauges {
  set(kind: string, behind: readonly Behind[]): void;
}

export function behindGauges(registry: Registry): BehindGauges {
  const count = new Gauge({
    name: 'cloister_objects_behind',
    help: 'Objects whose spec is newer than what their status is about',
    labelNames: ['kind'],
    registers: [registry],
  });
  const longest = new Gauge({
    name: 'cloister_objects_behind_seconds_max',
    help: 'How long the longest of them has been so',
    labelNames: ['kind'],
    registers: [registry],
  });
  return {
    set(kind, behind) {
      count.set({ kind }, behind.length);
      longest.set({ kind }, Math.max(0, ...behind.map(({ forMs }) => forMs)) / 1000);
    },
  };
}

/** Counted when it is read. */
export const objectsGauge = (registry: Registry, standings: ReadonlyMap<string, Digest<Standing>>): Gauge<'kind' | 'ready'> =>
  new Gauge({
    name: 'cloister_objects',
    help: 'Objects by kind and by the status of their Ready condition',
    labelNames: ['kind', 'ready'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [kind, objects] of standings) {
        for (const ready of ['True', 'False', 'Unknown']) this.set({ kind, ready }, 0);
        for (const { ready } of objects()) this.inc({ kind, ready });
      }
    },
  });
