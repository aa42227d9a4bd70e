/**
 * Reads from egress what all tenants have used, once a minute, and wakes those whose status shows something else.
 *
 * Guarantees: nothing is written, and nobody is woken for whom nothing has changed; of those for whom something has, so many in each round, first
 * those who pass a threshold, then those who have come further towards a limit. What cannot be read is read again in the next round; statuses stay as they are until then.
 */
import type { Registry } from '@cloister/telemetry';
import { Gauge } from '@cloister/telemetry';
import type { Informer, Logger } from 'kube-runtime';
import type { Tenant } from '../kinds.ts';
import type { UsageStatus } from '../api/usage.ts';
import { digest, type Digest } from '../digest.ts';
import type { ReadUsage } from './read-usage.ts';
import { budgetAlerts, differs, usageShown, type Figures, type Reading } from './shown.ts';

/** Statuses that a round may change: with a thousand tenants at work, each is told of every ten minutes, and an alert in the next. */
export const mostInARound = 100;

export interface UsageWatchOptions {
  readonly read: ReadUsage;
  readonly seconds: number;
  readonly tenants: Pick<Informer<Tenant>, 'onChange'>;
  readonly registry: Registry;
  readonly log: Logger;
}

interface Shown {
  readonly name: string;
  readonly uid: string;
  readonly usage: UsageStatus | undefined;
}

interface Heard extends Shown {
  readonly figures: Figures | 'nothing';
}

export class UsageWatch {
  readonly #options: UsageWatchOptions;
  readonly #shown: Digest<Shown>;
  readonly #listeners = new Set<(tenant: string) => void>();
  /** By UID, as it is to be shown. */
  readonly #released = new Map<string, Reading>();
  /** By UID: at which percents of its budget it is told of. */
  readonly #thresholds = new Map<string, readonly number[]>();
  #timer: NodeJS.Timeout | undefined;
  #failing = false;
  #readAt = new Date(0);

  constructor(options: UsageWatchOptions) {
    this.#options = options;
    this.#shown = digest(options.tenants, ({ metadata: { name, uid = '' }, status }) => ({ name, uid, usage: status?.usage }));
    const read = () => this.#readAt.getTime() / 1_000;
    if (!options.registry.getSingleMetric(ageMetric))
      new Gauge({
        name: ageMetric,
        help: 'When usage was last read from egress, in seconds since 1970; 0 until then',
        registers: [options.registry],
        collect() {
          this.set(read());
        },
      });
  }

  /** What the status of the tenant with this UID is to show, of whose budget is told at these percents. */
  of(uid: string, thresholds: readonly number[]): Reading | undefined {
    this.#thresholds.set(uid, thresholds);
    return this.#released.get(uid);
  }

  /** Tells the names of tenants. Returns how to end it. */
  onChange(listener: (tenant: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  start(): void {
    this.#timer = setInterval(() => void this.round(), this.#options.seconds * 1_000);
    void this.round();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Never rejects. */
  async round(): Promise<void> {
    try {
      const at = new Date();
      const { tenants } = await this.#options.read();
      this.#readAt = at;
      this.#failing = false;
      this.#release(at, new Map(tenants.map(({ uid, daily, monthly }) => [uid, { daily, monthly }])));
    } catch (error) {
      if (!this.#failing)
        this.#options.log.warn({ reason: error instanceof Error ? error.message : 'unknown' }, 'Usage cannot be read from egress');
      this.#failing = true;
    }
  }

  #release(at: Date, heard: ReadonlyMap<string, Figures>): void {
    const present = [...this.#shown()].map((shown) => ({ ...shown, figures: heard.get(shown.uid) ?? ('nothing' as const) }));
    const due = present
      .filter(({ usage, figures }) => differs(usage, figures))
      .map((one) => ({ ...one, passes: Number(this.#passesThreshold(at, one)), progress: progress(one) }))
      .sort((one, other) => other.passes - one.passes || other.progress - one.progress);
    const living = new Set(present.map(({ uid }) => uid));
    for (const known of [this.#released, this.#thresholds]) for (const uid of known.keys()) if (!living.has(uid)) known.delete(uid);
    for (const { uid, name, figures } of due.slice(0, mostInARound)) {
      this.#released.set(uid, { at, figures });
      for (const listener of this.#listeners) listener(name);
    }
  }

  /** Of a tenant that nobody has reconciled yet the thresholds are not known; it is looked at soon, whatever is said of it here. */
  #passesThreshold(at: Date, { uid, usage, figures }: Heard): boolean {
    return budgetAlerts(usage, usageShown(usage, { at, figures }, this.#thresholds.get(uid) ?? [])).length > 0;
  }
}

const ageMetric = 'cloister_usage_read_timestamp_seconds';

/** In percent of a limit. Then who was told of longest ago. */
function progress({ usage, figures }: Heard): number {
  const gained = (kind: 'daily' | 'monthly') => (figures === 'nothing' ? 0 : (figures[kind].percent ?? 0) - (usage?.[kind].percent ?? 0));
  const age = usage ? Date.now() - Date.parse(usage.asOf) : Infinity;
  return Math.max(gained('daily'), gained('monthly'), 0) + Math.min(age / 86_400_000, 1) / 2;
}
