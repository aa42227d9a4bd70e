/** A ledger that answers, and takes longer for it than a budget may rest before it is put away. */
import { createLogger } from '@cloister/telemetry';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { idleAfter } from './account-lease.ts';
import { LeasedBudget } from './budget.ts';
import { LedgerModel } from './ledger-model.fixture.ts';
import type { Answer, Message } from './ledger.ts';
import { priceOf } from './money.ts';

class SlowLedger extends LedgerModel {
  override async exchange(message: Message): Promise<Answer> {
    const answer = await super.exchange(message);
    await sleep(idleAfter + 100);
    return answer;
  }
}

const call = { tenantUid: 'u', tenant: 't', agent: 'a', caller: '', model: 'p/m', timeZone: 'UTC' };
const limits = { timeZone: 'UTC', daily: { usd: 0.000_01 } };
const worstAt = (dollars: number) => ({
  ...{ inputTokens: 10, outputTokens: 90, named: true },
  price: priceOf({ inputPerMillion: dollars, outputPerMillion: dollars }),
});

test('what it says of a budget of which it gives nothing is heard: a call that costs too much hears so, and one that costs nothing is served', async () => {
  const budget = new LeasedBudget(new SlowLedger(Date.UTC(2026, 10, 22, 22)), { log: createLogger({ name: 'egress', level: 'fatal' }) });
  const free = await budget.reserve(call, limits, worstAt(0));
  expect(free.outputTokens).toBe(90);
  free.settle({ inputTokens: 1, outputTokens: 2 });
  await expect(budget.reserve({ ...call, tenantUid: 'v' }, limits, worstAt(1))).rejects.toMatchObject({ code: 'budget_exceeded' });
  await budget.close();
});
