/** A replica that had nothing to say for so long that the ledger has forgotten it. */
import { expect, test } from 'vitest';
import { booksUnderTest } from './books.fixture.ts';
import { Replica } from './replica.ts';

const { sql, books, setClock } = await booksUnderTest();

const call = { tenant: 't', agent: 'a', caller: '', model: 'p/m', timeZone: 'UTC' };
const minute = 60_000;

test('its next usage counts, although nobody was limited and it held nothing', async () => {
  const ids = ['00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002'];
  const replica = new Replica(() => ids.shift() ?? '');
  const tell = async (now: number) => {
    replica.of('u').settle(undefined, call, { inputTokens: 1, outputTokens: 2, microUsd: 3n });
    const message = replica.message(now, 'all');
    replica.heard(message, await books.exchange(message), now, now);
    return message.number;
  };
  expect([await tell(0), await tell(minute)]).toEqual([1, 2]);
  for (const time of ['2026-11-23T12:00:00Z', '2026-11-30T12:01:00Z']) {
    await setClock(time);
    await books.expireSilent(15);
  }
  expect(await sql.query('select id from cloister_egress.replica', [])).toEqual([]);
  await tell(8 * 24 * 60 * minute);
  expect(await sql.query('select sum(requests)::int as requests from cloister_egress.usage', [])).toEqual([{ requests: 3 }]);
});
