/** A message that is said again long after it was made. */
import { expect, test } from 'vitest';
import { isNothing } from './amount.ts';
import { ladderOf } from './fleet.fixture.ts';
import { live, withRules, type Step } from './histories.fixture.ts';
import type { Limit } from './limits.ts';
import { Replica } from './replica.ts';

const limitsOf = (daily: bigint): Limit[] => [{ kind: 'daily', microUsd: daily, tokens: daily }];

test('gets nothing under limits that were lowered since, which would count against who keeps to the new ones', async () => {
  const who = { tenant: 'a', agent: '', caller: '' } as const;
  const call = (which: number, size: number, fate: 'arrives' | 'is lost' = 'arrives'): Step => ({
    ...{ do: 'call', which, who, size, fate, soft: undefined, isFree: false },
  });
  const steps: Step[] = [
    call(0, 1, 'is lost'),
    call(2, 31),
    call(2, 17),
    { do: 'limit', account: 'a', limits: limitsOf(200n) },
    { do: 'wait', ms: 1_000 },
    call(2, 37),
    { do: 'wait', ms: 200 },
    { do: 'beat', which: 0, fate: 'arrives' }, // the lost one, made under a limit of 1,000
    call(1, 1),
    call(2, 23),
    call(0, 1),
  ];
  await live({ limits: [limitsOf(1_000n)], steps }, withRules());
});

test.each([
  [999, true],
  [1_000, false],
])('after %i ms asks: %s', (after, asks) => {
  const chain = [{ account: 'u', terms: { timeZone: 'UTC', limits: limitsOf(1_000n) } }] as const;
  const replica = new Replica(() => 'one');
  const waiting = new Map([['u', [{ chain, ladder: ladderOf(5), inVain: undefined }]]]);
  const first = replica.message(0, 'those who wait', waiting);
  const again = replica.message(after, 'all');
  expect(again).toMatchObject({ replica: 'one', number: first.number, usage: first.usage, returns: first.returns });
  expect(again.asks.map(({ tenantUid, want }) => [tenantUid, !isNothing(want)])).toEqual([['u', asks]]);
});
