/**
 * A budget that a thousand callers want at once, on three replicas: `node test/load/budget.ts`.
 *
 * Method: three egress processes before one Postgres that waits for the disk; a stub that answers after 200 ms, so that a thousand calls are
 * really under way together; a tenant that may spend half of what all calls cost. What was spent is the ledger's word, compared with the
 * sum over the calls on record. In the end calls go out one by one until one is refused: what is left then is left for good.
 */
import { postgres } from '@cloister/gateway';
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import { z } from 'zod';
import { openStores, type LoadStores } from './gateway/stores.ts';
import { machine } from './measuring/machine.ts';
import { plain, printFigures, spread, type Figure } from './scale/figure.ts';
import { makeKeys, podHeaders } from './servers/keys.ts';
import { startServer, type RunningServer } from './servers/start.ts';
import { nameOf } from './servers/tenants.ts';

const replicas = 3;
const inFlight = 1000;
const calls = 3000;
const answerAfter = 200;
/** What the stub's answer costs by the price of its model, in micro-dollars: 12 tokens in at 0.25 and 40 out at 2. */
const costOfCall = 83;
const limit = (calls / 2) * costOfCall;

interface Tally {
  readonly byOutcome: Record<string, number>;
  /** Milliseconds, of those that were answered and of those that were refused. */
  readonly answered: number[];
  readonly refused: number[];
}

const refusal = z.object({ error: z.object({ code: z.string() }) });
const body = JSON.stringify({ model: 'stub/stub', max_tokens: 64, messages: [{ role: 'user', content: 'How do I cancel my order?' }] });
/** Micro-dollars that one call reserves: a token for each byte, the margin for a template, and the most output that it asks for. */
const reservedForCall = Math.ceil((body.length + 512) * 0.25) + 64 * 2;

async function call(pool: Pool, headers: Readonly<Record<string, string>>, tally: Tally): Promise<string> {
  const started = performance.now();
  const sent = { path: '/v1/chat/completions', method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body } as const;
  const answer = await pool.request(sent);
  const text = await answer.body.text();
  const outcome = answer.statusCode === 200 ? 'answered' : refusal.parse(JSON.parse(text)).error.code;
  tally.byOutcome[outcome] = (tally.byOutcome[outcome] ?? 0) + 1;
  (outcome === 'answered' ? tally.answered : tally.refused).push(performance.now() - started);
  return outcome;
}

const number = z.coerce.number();
const standing = z.tuple([z.object({ settled: number, reserved: number, recorded: number })]);

/** In micro-dollars: what the ledger has as spent and as held, and what the calls on record cost together. */
async function standingOf(stores: LoadStores): Promise<z.infer<typeof standing>[0]> {
  const sql = postgres(stores.setup.postgresURL, () => undefined, { connections: 1 });
  try {
    const text = `select settled_micro_usd as settled, reserved_micro_usd as reserved,
        (select sum((record::json->>'microUsd')::bigint) from cloister_egress.audit_record a where a.tenant_uid = w.tenant_uid) as recorded
      from cloister_egress.budget_window w where tenant_uid = $1 and kind = 'daily'`;
    return standing.parse(await sql.query(text, [`uid-${nameOf(0)}`]))[0];
  } finally {
    await sql.close();
  }
}

async function measure(stores: LoadStores, servers: RunningServer[]): Promise<void> {
  const keys = await makeKeys();
  const start = async (...args: Parameters<typeof startServer>) => {
    const server = await startServer(...args);
    servers.push(server);
    return server;
  };
  const stub = await start('stub', { answerAfter });
  const setup = { keys, stores: stores.setup, tenants: 1, upstream: stub.said.url, dailyUsd: limit / 1e6 };
  const pools: Pool[] = [];
  for (let replica = 0; replica < replicas; replica++) pools.push(new Pool((await start('egress', setup)).said.url));
  const headers = await podHeaders(keys, nameOf(0), 'unlimited');
  console.log(`# A budget under ${inFlight} calls at once\n\n${await machine()}`);
  console.log(
    `- ${calls} calls, ${inFlight} at a time, over ${replicas} replicas; each takes ${answerAfter} ms and costs ${costOfCall} micro-dollars`,
  );

  const tally: Tally = { byOutcome: {}, answered: [], refused: [] };
  const started = performance.now();
  let sent = 0;
  const caller = async () => {
    while (sent < calls) await callAt(sent++);
  };
  const callAt = (turn: number) => call(pools[turn % replicas] ?? new Pool(''), headers, tally);
  await Promise.all(Array.from({ length: inFlight }, caller));
  const seconds = (performance.now() - started) / 1000;
  await sleep(1_000); // a few heartbeats: what was held and not used comes back
  const first = await standingOf(stores);

  const last: Tally = { byOutcome: {}, answered: [], refused: [] };
  while ((await call(pools[0] ?? new Pool(''), headers, last)) === 'answered');
  await sleep(1_000);
  const end = await standingOf(stores);
  await Promise.all(pools.map((pool) => pool.destroy()));
  printFigures('what became of them', [
    plain('wall time', `${seconds.toFixed(2)} s`),
    plain(
      'outcomes',
      Object.entries(tally.byOutcome)
        .map(([outcome, count]) => `${count} ${outcome}`)
        .join(', '),
    ),
    plain('time of those that were answered', spread(tally.answered)),
    plain('time of those that were refused', spread(tally.refused)),
    exact('spent, by the ledger and by the sum of the audit', first.settled, first.recorded),
    below('spent, of what may be spent', first.settled, limit),
    plain('left after that', `${limit - first.settled} µ$, ${first.reserved} of it held by replicas`),
    plain('… and then spent one by one, until one was refused', `${last.byOutcome['answered'] ?? 0} calls more`),
    exact('spent in the end, by the ledger and by the sum of the audit', end.settled, end.recorded),
    below('spent in the end, of what may be spent', end.settled, limit),
    below('left for good: less than one call reserves', limit - end.settled, reservedForCall - 1),
  ]);
}

const exact = (what: string, measured: number, expected: number): Figure => ({
  what,
  goal: 'equal',
  measured: `${measured} and ${expected} µ$`,
  holds: measured === expected,
});

const below = (what: string, measured: number, most: number): Figure => ({
  what,
  goal: `≤ ${most} µ$`,
  measured: `${measured} µ$`,
  holds: measured <= most,
});

const servers: RunningServer[] = [];
const stores = await openStores();
try {
  await measure(stores, servers);
} finally {
  await Promise.all(servers.map((server) => server.close()));
  await stores.close();
}
