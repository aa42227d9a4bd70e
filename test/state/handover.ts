/** How one leader of the operator followed another, as the API server's audit log tells it. */
import type { Cluster } from 'kube-runtime';
import { setTimeout as sleep } from 'node:timers/promises';
import * as kinds from '../../operator/src/kinds.ts';
import { leaseName } from '../../operator/src/start.ts';
import { until } from '../e2e/support/until.ts';
import type { AuditedWrite, AuditLog } from './audit.ts';

/** Milliseconds, of the lease: between two looks at it, after which a leader that cannot renew is silent, for which a silent one is respected. */
export const timings = { retry: 2_000, renewDeadline: 10_000, lease: 15_000 } as const;

export type Which = (write: AuditedWrite) => boolean;

export const isLease: Which = ({ resource, name, code }) => resource === 'leases' && name === leaseName && code < 300;
export const isWork: Which = ({ resource }) => resource !== 'leases';

export interface Handover {
  readonly writes: readonly AuditedWrite[];
  /** When the other replica got the lease, and when it wrote for the first time. */
  readonly leads: Date;
  readonly acts: Date;
}

/** What is written from `log`'s beginning until the other replica has begun to act. */
export async function handover(log: AuditLog, byOther: Which, within: number): Promise<Handover> {
  const writes: AuditedWrite[] = [];
  const first = (what: Which) => writes.find((write) => byOther(write) && what(write));
  return until(
    'the other replica to act',
    async () => {
      writes.push(...(await log.take()));
      const [lease, work] = [first(isLease), first(isWork)];
      return lease && work && { writes, leads: lease.at, acts: work.at };
    },
    { within, every: 20 },
  );
}

/** In milliseconds since 1970. */
export const lastOf = (writes: readonly AuditedWrite[], what: Which): number =>
  Math.max(...writes.filter(what).map(({ at }) => at.getTime()));

export interface Edits {
  readonly stop: () => Promise<void>;
}

/** Edits the tenant without pause, so that there is always something to do and whoever leads writes. */
export function editOn(cluster: Cluster, tenant: string): Edits {
  const ending = new AbortController();
  const work = (async () => {
    for (let pods = 10; !ending.signal.aborted; pods = pods === 20 ? 10 : pods + 1) {
      await cluster.patch(kinds.tenants, { name: tenant }, { spec: { quota: { pods } } });
      await sleep(150);
    }
  })();
  return {
    stop: async () => {
      ending.abort();
      await work;
    },
  };
}
