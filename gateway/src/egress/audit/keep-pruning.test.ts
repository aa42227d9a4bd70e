/** Chains of which old records were removed. */
import { randomUUID } from 'node:crypto';
import { beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { callText } from './chain.fixture.ts';
import { exportOf } from './command.ts';
import { pruneAudit } from './keep-pruning.ts';
import { newOwner, storeUnderTest } from './store.fixture.ts';
import { findChains, type Entry } from './store.ts';
import { verify } from './verify.ts';

const { sql, store } = await storeUnderTest();

let of: ReturnType<typeof newOwner>;
let writer: string;
beforeEach(() => {
  failing.length = 0;
  of = newOwner();
  writer = randomUUID();
});

const call = (number: number): Entry => ({ ...of, number, record: callText(writer, number) });
const append = (...numbers: readonly number[]) => store.append(writer, numbers.map(call));
/** Makes all that is there as old as so many days. */
const age = (days: number) =>
  sql.script(`begin; alter table cloister_egress.audit_record disable trigger user;
    update cloister_egress.audit_record set stored_at = stored_at - interval '${days} days' where tenant_uid = '${of.tenantUid}';
    alter table cloister_egress.audit_record enable trigger user; commit;`);
const failing: string[] = [];
const prune = (days: number, most?: number) =>
  pruneAudit(sql, { days, failed: ({ tenantUid }) => failing.push(tenantUid), ...(most !== undefined && { most }) });
const lines = async (): Promise<string[]> => {
  const found: string[] = [];
  for await (const line of await exportOf(sql, of.tenant)) found.push(line);
  return found;
};
async function* inTurn(texts: readonly string[]) {
  for (const text of texts) yield await Promise.resolve(text);
}
const problems = async (texts: readonly string[]) => (await verify(inTurn(texts))).problems;
const verdict = async () => verify(inTurn(await lines()));

test('records that are old enough go, the rest verifies, and that they went is on record', async () => {
  await append(1, 2, 3);
  const [before] = await findChains(sql, of.tenant);
  await age(40);
  await append(4, 5);
  expect(await prune(30)).toBe(3);
  const found = await verdict();
  expect(found).toMatchObject({ problems: [], records: 3, pruned: { seq: 3, hash: before?.hash }, end: { seq: 6 }, writers: { gaps: [] } });
  const [, , , note] = await lines();
  expect(note).toContain(`"object":"audit","action":"pruned","upTo":3,"hash":"${before?.hash}","days":30`);
  await append(6);
  expect(await verdict()).toMatchObject({ problems: [], records: 4, writers: { gaps: [] } });
});

test('records that are younger stay, and one chain is looked at no more than once a day', async () => {
  await append(1, 2);
  await age(30);
  expect(await prune(30)).toBe(0);
  await age(2);
  expect(await prune(30)).toBe(2);
  await append(3);
  await age(30.5);
  expect(await prune(30)).toBe(0);
});

test('of a tenant that is silent one record stays, which says that there were others', async () => {
  await append(1, 2, 3, 4, 5);
  await age(40);
  expect(await prune(30, 2)).toBe(5);
  await age(40);
  await prune(30);
  await age(40);
  expect(await prune(30)).toBe(0);
  expect(await verdict()).toMatchObject({ problems: [], records: 1 });
});

test('chains are pruned again and again, by many statements, and verify each time', async () => {
  for (let round = 0; round < 4; round++) {
    const first = round * 10 + 1;
    await append(...Array.from({ length: 10 }, (_, place) => first + place));
    await age(40);
    await append(first + 9); // said before, and known, as long as the last of a writer is kept
    await prune(30, 3);
    expect(await verdict()).toMatchObject({ problems: [], writers: { gaps: [], open: [] } });
  }
});

test('who removes more than what was pruned is found, and so is who says that less is there', async () => {
  await append(1, 2);
  await age(40);
  await append(3, 4, 5);
  await prune(30);
  const [head = '', third = '', fourth = '', ...rest] = await lines();
  const { hash } = z.object({ hash: z.string() }).parse(JSON.parse(third));
  const later = head.replace(/"pruned":.*/, `"pruned":{"seq":3,"hash":"${hash}"}}`);
  expect(later).not.toBe(head);
  expect(await problems([later, fourth, ...rest])).toEqual([
    'records up to 3 are missing, and it is not on record that they were removed for their age',
  ]);
  expect(await problems([head.replace(/,"pruned":.*/, '}'), third, fourth, ...rest])).not.toEqual([]);
  expect(await problems([head, fourth, ...rest])).not.toEqual([]);
});

test('nothing but pruning removes records, and that no more than it says', async () => {
  await append(1, 2, 3);
  await age(40);
  await append(4);
  await prune(30);
  const remove = `delete from cloister_egress.audit_record where tenant_uid = '${of.tenantUid}'`;
  await expect(sql.query(remove, [])).rejects.toThrow('never changed or removed');
});

test('a chain from which nothing can be removed, because somebody has set it back, stops no other', async () => {
  const chains = [newOwner(), newOwner(), newOwner()].sort((one, other) => (one.tenantUid < other.tenantUid ? -1 : 1));
  for (of of chains) {
    await append(1, 2, 3, 4);
    await age(40);
    await append(5, 6);
  }
  const [spoilt, ...others] = chains;
  await sql.query('update cloister_egress.audit_chain set seq = 4 where tenant_uid = $1', [spoilt?.tenantUid]);
  expect(await prune(30)).toBe(8);
  expect(failing).toEqual([spoilt?.tenantUid]);
  for (of of others) expect(await verdict()).toMatchObject({ problems: [], pruned: { seq: 4 } });
});
