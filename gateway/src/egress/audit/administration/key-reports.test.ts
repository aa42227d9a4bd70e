import { keyReportsPath } from '@cloister/tenancy';
import { createLogger } from '@cloister/telemetry';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { egressUnderTest, type EgressUnderTest } from '../../egress.fixture.ts';
import { administrationStore } from './administration-store.ts';
import { Administration } from './administration.ts';

let egress: EgressUnderTest;
beforeAll(async () => {
  egress = await egressUnderTest();
}, 60_000);
afterAll(() => egress[Symbol.asyncDispose]());

const ofEdge = { namespace: 'cloister-system', serviceAccount: 'edge' };
const report = { tenant: 'acme', tenantUid: 'uid-acme', id: '0123456789ab' };
const tell = async (reports: unknown, token?: string, of = egress) =>
  fetch(`${of.url}${keyReportsPath}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token ?? (await of.tokenOf('x', ofEdge))}` },
    body: JSON.stringify(reports),
  });
const code = async (answer: Response) => z.object({ error: z.object({ code: z.string() }) }).parse(await answer.json()).error.code;

test.each<[string, object]>([
  ['an agent', {}],
  ['another account of the system namespace', { ...ofEdge, serviceAccount: 'egress' }],
  ['an account of that name elsewhere', { ...ofEdge, namespace: 'tenant-acme' }],
])('%s neither tells of keys nor hears of them', async (_, changes) => {
  const token = await egress.tokenOf('acme', changes);
  expect([(await tell([report], token)).status, await code(await tell([report], token))]).toEqual([401, 'token_invalid']);
  const asked = await fetch(`${egress.url}${keyReportsPath}`, { headers: { authorization: `Bearer ${token}` } });
  expect(asked.status).toBe(401);
});

test('what is no report is refused, by its field', async () => {
  expect(await code(await tell([{ ...report, id: 'x' }]))).toBe('invalid_request');
});

test('while the audit is away edge hears so, and says it again', { timeout: 60_000 }, async () => {
  const away = () => Promise.reject(new Error('connection reset'));
  const log = createLogger({ name: 'egress', level: 'fatal' });
  const administration = new Administration({ ...administrationStore(egress.sql), seen: away, live: away }, log);
  await using other = await egressUnderTest({ administration });
  const answer = await tell([report], undefined, other);
  expect([answer.status, answer.headers.get('retry-after'), await code(answer)]).toEqual([503, '5', 'audit_unavailable']);
});

test('a tenant whose chain takes no more records stops no report of another’s keys', async () => {
  const key = { name: 'website', scopes: ['chat'], issuedAt: '2026-11-26T08:00:00.000Z', issuedBy: 'key:0123456789ab' };
  const ofOther = { tenant: 'globex', tenantUid: 'uid-globex', id: '0123456789ab' };
  expect((await tell([{ ...report, key }])).status).toBe(204);
  await egress.sql.query('update cloister_egress.audit_chain set seq = seq - 1 where tenant_uid = $1', [report.tenantUid]);
  expect((await tell([report, { ...ofOther, key }])).status).toBe(204);
  const live = await administrationStore(egress.sql).live('key:');
  expect(live.map(({ tenant }) => tenant)).toEqual(expect.arrayContaining(['acme', 'globex']));
});
