/** `gateway audit export --tenant NAME` and `gateway audit verify [--anchor SEQ:HASH] [FILE]`. */
import { readSecretFile } from '@cloister/settings';
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { authoritiesBeside } from '../budget/sql/connection.ts';
import { snapshot } from '../budget/sql/snapshot.ts';
import type { Sql } from '../budget/sql/sql.ts';
import type { Head } from './chain.ts';
import { exportLines } from './export.ts';
import { linesOf } from './lines.ts';
import { findChains, recordsOf } from './store.ts';
import { verify, type Verdict } from './verify.ts';

const usage = `usage: gateway audit export --tenant NAME|UID > FILE      needs DATABASE_URL_FILE
       gateway audit verify [--anchor SEQ:HASH]… [FILE]   needs nothing; reads its input where no FILE is named
`;

/** Gives the exit status: 0 done, or nothing is wrong; 1 a record was removed, changed or moved; 2 it could not be done. */
export async function runAudit(args: readonly string[]): Promise<number> {
  try {
    const options = { tenant: { type: 'string' }, anchor: { type: 'string', multiple: true } } as const;
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
    const [command, file] = positionals;
    if (command === 'export' && values.tenant !== undefined) return await runExport(values.tenant);
    if (command === 'verify') return await runVerify(file, (values.anchor ?? []).map(anchorOf));
    throw new Error(usage);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return 2;
  }
}

async function runExport(tenant: string): Promise<number> {
  const setting = 'DATABASE_URL_FILE';
  const path = process.env[setting] ?? '';
  const sql = await snapshot(readSecretFile(setting, path), authoritiesBeside(path));
  try {
    await pipeline(Readable.from(withNewlines(await exportOf(sql, tenant))), process.stdout, { end: false });
    return 0;
  } finally {
    await sql.close();
  }
}

/** One chain only if `sql` reads a snapshot: records may be removed meanwhile. Rejects where no tenant, or more than one, goes by that name. */
export async function exportOf(sql: Pick<Sql, 'query'>, tenant: string): Promise<AsyncGenerator<string>> {
  const [chain, ...others] = await findChains(sql, tenant);
  if (!chain) throw new Error(`nothing is on record of a tenant of name or UID "${tenant}"`);
  if (others.length > 0) {
    const uids = [chain, ...others].map(({ tenantUid }) => tenantUid).join(', ');
    throw new Error(`several tenants had the name "${tenant}": give one of their UIDs, ${uids}`);
  }
  return exportLines(chain, recordsOf(sql, chain));
}

async function* withNewlines(lines: AsyncIterable<string>): AsyncGenerator<string> {
  for await (const line of lines) yield `${line}\n`;
}

async function runVerify(file: string | undefined, anchors: readonly Head[]): Promise<number> {
  const verdict = await verify(linesOf(file === undefined ? process.stdin : createReadStream(file)), anchors);
  process.stdout.write(`${tell(verdict).join('\n')}\n`);
  return verdict.problems.length === 0 ? 0 : 1;
}

function anchorOf(text: string): Head {
  const [, seq, hash] = /^(\d+):([0-9a-f]{64})$/.exec(text) ?? [];
  if (seq === undefined || hash === undefined) throw new Error(`--anchor is "${text}", and has to be a number, a colon and 64 hex digits`);
  return { seq: Number(seq), hash };
}

const mostProblems = 20;

function tell({ tenant, tenantUid, records, pruned, end, problems, writers }: Verdict): string[] {
  if (problems.length > 0) {
    const more = problems.length - mostProblems;
    return [
      ...problems.slice(0, mostProblems),
      ...(more > 0 ? [`and ${more} more`] : []),
      `NOT INTACT: ${records} records are here, problems: ${problems.length}`,
    ];
  }
  return [
    ...(pruned ? [`removed for their age, which is on record: records up to ${pruned.seq}; anchors of before say nothing here`] : []),
    ...writers.gaps.map(({ writer, from, to }) => `lost before it was stored: numbers ${from} to ${to} of writer ${writer}`),
    ...writers.open.map(({ writer, lastAt }) => `writer ${writer} has not ended; its last record is of ${lastAt}`),
    `intact: ${records} records of tenant ${tenant} (${tenantUid}); anchor ${end?.seq}:${end?.hash}`,
  ];
}
