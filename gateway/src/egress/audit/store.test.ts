/** The chains as Postgres keeps them. */
import { createLogger } from '@cloister/telemetry';
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { callText, facts } from './chain.fixture.ts';
import { exportOf } from './command.ts';
import { newOwner, storeUnderTest } from './store.fixture.ts';
import type { Entry } from './store.ts';
import { AuditTrail } from './trail.ts';
import { verify } from './verify.ts';

const { sql, store } = await storeUnderTest();

const entry = (of: ReturnType<typeof newOwner>, writer: string, number: number, more: object = {}): Entry => ({
  ...of,
  number,
  record: callText(writer, number, more),
});
const verdictOf = async (tenant: string) => verify(await exportOf(sql, tenant));

test('a chain that Postgres has hashed is verified without it, whatever is in its records', async () => {
  const [of, writer] = [newOwner(), randomUUID()];
  const odd = ['', 'ü \u2028 🂡 \ud800', 'a\\nb\n\0"\\'];
  const heads = await store.append(
    writer,
    odd.map((model, place) => entry(of, writer, place + 1, { model })),
  );
  const { problems, end, records } = await verdictOf(of.tenant);
  expect({ problems, records }).toEqual({ problems: [], records: 3 });
  expect(heads).toEqual([{ tenantUid: of.tenantUid, ...end }]);
});

test('a batch whose answer was lost is said again, and nothing is there twice', async () => {
  const [of, writer] = [newOwner(), randomUUID()];
  const batch = [entry(of, writer, 1), entry(of, writer, 2)];
  await store.append(writer, batch);
  await store.append(writer, [...batch, entry(of, writer, 3)]);
  expect(await verdictOf(of.tenantUid)).toMatchObject({ problems: [], records: 3, writers: { gaps: [] } });
});

test('a batch in which records of several tenants are mixed goes onto the chain of each, what is there already passed over', async () => {
  const [owners, writer] = [[newOwner(), newOwner(), newOwner()], randomUUID()];
  const turn = (number: number) => owners.map((of) => entry(of, writer, number));
  await store.append(writer, turn(1));
  const heads = await store.append(writer, [...turn(1), ...turn(2), ...turn(3)]);
  expect(heads.map(({ tenantUid, seq }) => [tenantUid, seq])).toEqual(owners.map(({ tenantUid }) => [tenantUid, 3]).sort());
  for (const { tenantUid } of owners) expect(await verdictOf(tenantUid)).toMatchObject({ problems: [], records: 3, writers: { gaps: [] } });
});

test('writers that take turns make one chain', async () => {
  const of = newOwner();
  const log = createLogger({ name: 'egress', level: 'fatal' });
  const trails = [1, 2, 3].map(() => new AuditTrail(store, { log, flushMs: 1 }));
  for (const trail of [...trails, ...trails]) trail.begin(of)(facts);
  await Promise.all(trails.map((trail) => trail.close()));
  expect(await verdictOf(of.tenant)).toMatchObject({ problems: [], records: 9, writers: { gaps: [], open: [] } });
});

test.each([
  ['changed', `update cloister_egress.audit_record set record = replace(record, 'support', 'sales') where seq = 2 and tenant_uid = `],
  ['removed', 'delete from cloister_egress.audit_record where seq = 2 and tenant_uid = '],
  ['cut off', 'delete from cloister_egress.audit_record where seq = 3 and tenant_uid = '],
])('a record cannot be %s by mistake, and where it is on purpose the export shows it', async (_what, statement) => {
  const [of, writer] = [newOwner(), randomUUID()];
  await store.append(
    writer,
    [1, 2, 3].map((number) => entry(of, writer, number)),
  );
  const change = `${statement}'${of.tenantUid}'`;
  await expect(sql.query(change, [])).rejects.toThrow('never changed or removed');
  await sql.script(`begin; alter table cloister_egress.audit_record disable trigger user; ${change};
    alter table cloister_egress.audit_record enable trigger user; commit;`);
  expect((await verdictOf(of.tenant)).problems).toHaveLength(1);
});

test('a name that two tenants had one after the other asks for a UID, and one that nobody had is told so', async () => {
  const [one, writer] = [newOwner(), randomUUID()];
  const two = { ...one, tenantUid: randomUUID() };
  await store.append(writer, [entry(one, writer, 1), entry(two, writer, 1)]);
  await expect(exportOf(sql, one.tenant)).rejects.toThrow(two.tenantUid);
  await expect(exportOf(sql, 'nobody')).rejects.toThrow('nothing is on record of a tenant of name or UID "nobody"');
  expect(await verdictOf(two.tenantUid)).toMatchObject({ problems: [], records: 1, tenant: two.tenant });
});
