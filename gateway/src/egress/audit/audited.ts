/** Puts one model call on record, however it ends. */
import { ApiError } from '@cloister/api-errors';
import type { TenantPolicy } from '@cloister/tenancy';
import type { Exchange, Facts } from '../../server/exchange.ts';
import { kept } from './record.ts';
import type { AuditTrail } from './trail.ts';

interface Audited {
  readonly exchange: Exchange;
  readonly policy: TenantPolicy;
  readonly agent: string;
}

/** Resolves or rejects as `work` does, once its record is in memory. */
export async function audited(call: Audited, trail: AuditTrail, work: () => Promise<void>): Promise<void> {
  const { uid: tenantUid, tenant } = call.policy;
  const put = trail.begin({ tenantUid, tenant });
  const started = performance.now();
  try {
    await work();
    put(factsOf(call, started, undefined));
  } catch (error) {
    put(factsOf(call, started, error instanceof ApiError ? error.code : 'unexpected'));
    throw error;
  }
}

function factsOf({ exchange, agent }: Audited, started: number, error: string | undefined): Facts {
  const { id: requestId, span, route, facts } = exchange;
  const code = facts['problem'] ?? error;
  return {
    ...{ agent, requestId, traceId: span.traceId, route },
    outcome: code === undefined ? 'answered' : facts['microUsd'] === undefined ? 'refused' : 'failed',
    code,
    durationMs: Math.round((performance.now() - started) * 10) / 10,
    ...Object.fromEntries(kept.map((name) => [name, facts[name]])),
  };
}
