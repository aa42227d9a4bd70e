/**
 * A chain as text, a line of JSON for each thing: whose it is and after which record it begins, every record, where it ends. Lines are as JSON.stringify writes them, so that
 * a changed byte is a changed line.
 */
import { format, type Chain, type Head } from './chain.ts';

export const firstLine = ({ tenantUid, tenant, pruned }: Pick<Chain, 'tenantUid' | 'tenant' | 'pruned'>): string =>
  JSON.stringify({ format, tenantUid, tenant, ...(pruned && { pruned: { seq: pruned.seq, hash: pruned.hash } }) });
/** The record's text is put in as it stands. */
export const recordLine = ({ seq, hash }: Head, record: string): string => `{"seq":${seq},"hash":"${hash}","record":${record}}`;
export const lastLine = ({ seq, hash }: Head): string => JSON.stringify({ end: { seq, hash } });

export async function* exportLines(chain: Chain, records: AsyncIterable<Head & { readonly record: string }>): AsyncGenerator<string> {
  yield firstLine(chain);
  for await (const { seq, hash, record } of records) yield recordLine({ seq, hash }, record);
  yield lastLine(chain);
}
