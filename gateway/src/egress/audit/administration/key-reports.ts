/** `/internal/audit/keys`: edge alone tells of the API keys that it issues and revokes, and asks which are there as far as the audit knows. */
import { edgeServiceAccount, keyReport, keyReportsPath, type KnownKey } from '@cloister/tenancy';
import { z } from 'zod';
import type { Dressed } from '../../../server/application.ts';
import { readBody } from '../../../server/read-body.ts';
import { parseBody } from '../../chat/parse-body.ts';
import { fail } from '../../errors.ts';
import { requirePart, type PartsKnown } from '../../pods/own-part.ts';
import type { Administration } from './administration.ts';

export interface KeyReportsParts extends PartsKnown {
  readonly administration: Administration;
}

/** Bytes of one message. */
const longestMessage = 4 * 1024 * 1024;
const prefix = 'key:';
const reports = z.array(keyReport);

export const isKeyReportsRoute = (method: string, path: string): boolean =>
  path === keyReportsPath && (method === 'POST' || method === 'GET');

/** Answers when all of it is on record, 204, or with `audit_unavailable`; then all of it may be said again. */
export async function keyReports({ request, response }: Dressed, parts: KeyReportsParts): Promise<void> {
  await requirePart(request.headers, edgeServiceAccount, parts);
  const { administration } = parts;
  const unavailable = (cause: unknown): never => {
    throw fail('audit_unavailable', { retryAfterSeconds: 5, cause });
  };
  if (request.method === 'GET') {
    const known = await administration.live(prefix).catch(unavailable);
    response.json(known.map(({ tenant, tenantUid, what }): KnownKey => ({ tenant, tenantUid, id: what.slice(prefix.length) })));
    return;
  }
  for (const { tenant, tenantUid, id, key, by } of parseBody(await readBody(request, longestMessage), reports)) {
    // A key is there once and then gone, and never comes back: there are no other versions of it.
    const news = { tenant, tenantUid, what: `${prefix}${id}`, part: 'edge', version: key ? 1 : 2, state: key, by } as const;
    await administration.note(news).catch(unavailable);
  }
  response.status(204).end();
}
