import type { Logger } from '@cloister/telemetry';
import type { TenantHead } from './store.ts';

/** Milliseconds between two anchors of a tenant, from one replica. */
const anchorInterval = 60_000;

/**
 * Says in the log where chains end. Logs are kept elsewhere than the chains, so whoever could rewrite a chain from its beginning, or cut off
 * its end, would have to change both: an export is verified against the anchor of a log line.
 */
export class Anchors {
  readonly #log: Logger;
  readonly #told = new Map<string, number>();

  constructor(log: Logger) {
    this.#log = log;
  }

  tell(heads: readonly TenantHead[], now = performance.now()): void {
    for (const { tenantUid, seq, hash } of heads) {
      if (now - (this.#told.get(tenantUid) ?? -Infinity) < anchorInterval) continue;
      this.#told.set(tenantUid, now);
      this.#log.info({ tenantUid, anchor: `${seq}:${hash}` }, 'audit anchor');
    }
  }
}
