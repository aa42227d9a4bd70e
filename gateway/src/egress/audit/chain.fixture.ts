import { after, beginning, type Head, type Owner } from './chain.ts';
import { exportLines } from './export.ts';
import type { AuditStore, Entry, TenantHead } from './store.ts';

export const owner: Owner = { tenantUid: 'u1', tenant: 'acme' };

/** What a call says. */
export const facts = {
  agent: 'support',
  requestId: 'r',
  traceId: 't',
  route: '/v1/chat/completions',
  outcome: 'answered',
  durationMs: 1.5,
};

export const callText = (writer: string, number: number, more: object = {}): string =>
  JSON.stringify({ kind: 'model_call', writer, number, at: '2026-11-22T12:00:00.000Z', ...facts, ...more });
export const endText = (writer: string, number: number): string =>
  JSON.stringify({ kind: 'writer_ended', writer, number, at: '2026-11-22T12:00:01.000Z' });

/** The export of a chain of these records. */
export async function exportOfRecords(records: readonly string[], pruned?: Head): Promise<string[]> {
  let head: Head = beginning(owner);
  const links = records.map((record) => ({ ...(head = after(head, record)), record }));
  const lines: string[] = [];
  for await (const line of exportLines({ ...owner, ...head, pruned }, inTurn(links.slice(pruned?.seq ?? 0)))) lines.push(line);
  return lines;
}

export async function* inTurn<T>(items: readonly T[]): AsyncGenerator<T> {
  for (const item of items) yield await Promise.resolve(item);
}

/** A store in memory that can be away, and that may take what it does not confirm. */
export class StoreDouble implements AuditStore {
  readonly batches: (readonly Entry[])[] = [];
  /** Thrown for batches that hold a record of this tenant, or for all. */
  problem: { readonly error: Error; readonly tenantUid?: string } | undefined;

  append(_writer: string, entries: readonly Entry[]): Promise<readonly TenantHead[]> {
    const { error, tenantUid } = this.problem ?? {};
    if (error && (tenantUid === undefined || entries.some((entry) => entry.tenantUid === tenantUid))) return Promise.reject(error);
    this.batches.push(entries);
    return Promise.resolve([{ tenantUid: entries[0]?.tenantUid ?? '', seq: entries.length, hash: 'f'.repeat(64) }]);
  }

  get entries(): Entry[] {
    return this.batches.flat();
  }
}
