/** What must hold of debts at any moment, worked out another way than the rules do: over all windows of an account at once. */
import { expect } from 'vitest';
import { larger, units, type Unit } from './amount.ts';
import { windowsBetween, type LedgerModel } from './ledger-model.fixture.ts';

/** Asks `expect` only where it does not: it is slow, and there are many millions of these. */
export function mustHold(what: string, holds: boolean): void {
  if (!holds) expect.fail(what);
}

/** `highest` gives the highest limit that a budget ever had, by account, kind and unit; undefined: it was once without. */
export function checkDebts(books: LedgerModel, highest: (account: string, kind: string, unit: Unit) => bigint | undefined): void {
  for (const [series, keys] of Map.groupBy(books.windows.keys(), (key) => key.slice(0, key.lastIndexOf(' ')))) {
    const [account = '', kind = ''] = series.split(' ');
    if (!keys.some((key) => books.windows.get(key)?.overrun.tokens)) continue;
    for (const unit of units) checkUnit(books, keys.sort(), unit, highest(account, kind, unit));
  }
}

function checkUnit(books: LedgerModel, keys: readonly string[], unit: Unit, highest: bigint | undefined): void {
  let [overrun, billed, allowed, unpaid] = [0n, 0n, 0n, 0n];
  const changes: bigint[] = [];
  for (const [at, key] of keys.entries()) {
    const window = books.windows.get(key);
    const limit = window?.limit[unit];
    const next = keys[at + 1] ?? following(key);
    if (window && limit !== undefined) {
      const skipped = limit * windowsBetween(key, next);
      overrun += window.overrun[unit];
      billed += window.settled[unit] + window.overrun[unit];
      allowed += (highest ?? 0n) + skipped;
      changes.push(window.overrun[unit] - larger(limit - window.settled[unit], 0n), -skipped);
    }
    unpaid = books.debtOf(next)[unit];
    mustHold('owed is the most that any row of windows up to now has exceeded', unpaid === worstOf(changes));
    mustHold('no more is owed than was overrun', unpaid <= overrun);
  }
  mustHold('billed ≤ limits + owed', highest === undefined || billed <= allowed + unpaid);
}

/** The largest sum of the last ones, of as many as it may be. */
const worstOf = (changes: readonly bigint[]): bigint => {
  let [sum, worst] = [0n, 0n];
  for (const change of changes.toReversed()) {
    sum += change;
    worst = larger(worst, sum);
  }
  return worst;
};

/** The key of the next window. */
function following(key: string): string {
  const date = new Date(key.slice(key.lastIndexOf(' ') + 1));
  const [days, months] = key.includes(' daily ') ? [1, 0] : [0, 1];
  const next = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + months, date.getUTCDate() + days));
  return key.slice(0, key.lastIndexOf(' ') + 1) + next.toISOString().slice(0, 10);
}
