/** When days end on which clocks are set over midnight. */
import { expect, test } from 'vitest';
import { z } from 'zod';
import { booksUnderTest } from '../books.fixture.ts';
import { ask } from '../speaker.fixture.ts';

const { replica, setClock } = await booksUnderTest();

const answer = z.object({ present: z.tuple([z.object({ day: z.string(), ends: z.object({ daily: z.number(), monthly: z.number() }) })]) });
async function presentAt(time: string, timeZone: string) {
  await setClock(time);
  const [{ day, ends }] = answer.parse(await replica().say({ asks: [ask(1n, { timeZone })] })).present;
  return { day, daily: new Date(ends.daily).toISOString(), monthly: new Date(ends.monthly).toISOString() };
}

test.each([
  ['Atlantic/Azores', '2026-10-25T00:00:00.000Z', '2026-10-24', '2026-10-25', 'is an hour later, once more'],
  ['America/Havana', '2026-11-01T04:00:00.000Z', '2026-10-31', '2026-11-01', 'is an hour later, once more, and a month ends'],
  ['America/Havana', '2027-03-14T05:00:00.000Z', '2027-03-13', '2027-03-14', 'is not at all'],
  ['Africa/Cairo', '2027-04-29T22:00:00.000Z', '2027-04-29', '2027-04-30', 'is not at all'],
  ['Europe/Berlin', '2026-10-24T22:00:00.000Z', '2026-10-24', '2026-10-25', 'is as ever, with clocks set back at night'],
])('in %s, a day ends at %s, when the next one begins: midnight of %s to %s %s', async (zone, ends, day, next) => {
  expect(await presentAt(new Date(Date.parse(ends) - 1).toISOString(), zone)).toMatchObject({ day, daily: ends });
  expect(await presentAt(ends, zone)).toMatchObject({ day: next });
});

test('a month ends with its last day', async () => {
  expect(await presentAt('2026-11-01T03:59:59Z', 'America/Havana')).toMatchObject({ monthly: '2026-11-01T04:00:00.000Z' });
});
