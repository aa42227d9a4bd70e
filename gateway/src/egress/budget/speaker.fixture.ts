/** What replicas say to a ledger, for tests of it; money alone is limited. */
import { randomUUID } from 'node:crypto';
import { of } from './fleet.fixture.ts';
import type { Growth, Ledger, Message, Usage } from './ledger.ts';
import type { Limit } from './limits.ts';
import type { Sql } from './sql/sql.ts';

export const setClockOf = (sql: Sql, time: string) =>
  sql.script(
    `create or replace function cloister_egress.clock() returns timestamptz language sql stable as $$ select timestamptz '${time}' $$`,
  );

export const limits: Limit[] = [{ kind: 'daily', microUsd: 1_000n, tokens: undefined }];
export const ask = (amount: bigint, changes: Partial<Growth> = {}): Growth => ({
  tenantUid: 'uid-acme',
  timeZone: 'UTC',
  limits,
  need: of(amount),
  want: of(amount),
  ...changes,
});
export const usage = (amount: number, changes: Partial<Usage> = {}): Usage => ({
  ...{ tenantUid: 'uid-acme', tenant: 'acme', timeZone: 'UTC', day: null, month: null, model: 'openai/gpt-5', agent: '', caller: '' },
  ...{ tenantLeased: (changes.day ?? null) !== null, agentLeased: false, callerLeased: false },
  ...{ cachedTokens: 0, cacheWriteTokens: 0, reasoningTokens: 0 },
  ...{ requests: 1, inputTokens: 0, outputTokens: amount, microUsd: BigInt(amount), overrunTokens: 0n, overrunMicroUsd: 0n },
  ...changes,
});
export const today = { day: '2026-11-22', month: '2026-11-01' };

/** A process of egress and its messages. */
export function speaker(books: () => Ledger) {
  const id = randomUUID();
  let number = 0;
  const message = (changes: Partial<Message>): Message => ({
    ...{ replica: id, number: ++number, leaving: false, usage: [], returns: [], asks: [] },
    ...changes,
  });
  return { id, say: (changes: Partial<Message>) => books().exchange(message(changes)), message };
}
