/**
 * A replica of egress as a process that a test may kill at any moment: many callers at once reserve, are billed by a provider, and settle.
 * What the provider bills is written down before it is settled, by somebody who is not killed: the file system.
 *
 * Arguments: URL of the database, file for the truth, tenant, its daily limit in dollars, that of one of its two agents, callers, tokens of a call at most.
 */
import { createLogger } from '@cloister/telemetry';
import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { LeasedBudget } from './budget.ts';
import { ledger } from './ledger.ts';
import { priceOf } from './money.ts';
import { postgres } from './sql/postgres.ts';

const [url = '', truth = '', tenantUid = '', usd = '0', ofAgent = '0', callers = '0', tokens = '0'] = process.argv.slice(2);
const sql = postgres(url, () => undefined);
const budget = new LeasedBudget(ledger(sql), { log: createLogger({ name: 'egress', level: 'fatal' }) });
const limits = { timeZone: 'UTC', daily: { usd: Number(usd) } };
const agents = [
  { agent: 'thrifty', limits: { ...limits, ofAgent: { daily: { usd: Number(ofAgent) } } } },
  { agent: 'free', limits },
];
const worst = { inputTokens: 0, outputTokens: Number(tokens), named: true, price: priceOf({ inputPerMillion: 1, outputPerMillion: 1 }) };

/** Until twice in a row nothing is left. */
async function caller({ agent, limits: ofCall }: (typeof agents)[number]): Promise<void> {
  const call = { tenantUid, tenant: 't', agent, caller: '', model: 'p/m', timeZone: 'UTC' };
  for (let refusals = 0; refusals < 2;) {
    const reservation = await budget.reserve(call, ofCall, worst).catch(() => undefined);
    if (!reservation) {
      refusals++;
      continue;
    }
    refusals = 0;
    await sleep(Math.random() * 10);
    const outputTokens = 1 + Math.floor(Math.random() * reservation.outputTokens);
    appendFileSync(truth, `${agent} ${outputTokens}\n`);
    await sleep(Math.random() * 5);
    reservation.settle({ inputTokens: 0, outputTokens });
  }
}

await Promise.all(Array.from({ length: Number(callers) / 2 }, () => agents.map(caller)).flat());
await budget.close();
await sql.close();
