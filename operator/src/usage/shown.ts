/**
 * What a Tenant's status says of its usage, and what is told when a budget runs out. Pure.
 *
 * Guarantees: the same figures make the same status, so a repeat writes nothing; a threshold is told once in a window, because the status
 * keeps the highest that was.
 */
import type { UsageWindow } from '@cloister/tenancy';
import type { EventNote } from 'kube-runtime';
import type { UsageStatus, WindowStatus } from '../api/usage.ts';

/** Of the present day and month. */
export interface Figures {
  readonly daily: UsageWindow;
  readonly monthly: UsageWindow;
}

/** What egress has said of a tenant, and when it was asked. `nothing`: the ledger has nothing of this month. */
export interface Reading {
  readonly at: Date;
  readonly figures: Figures | 'nothing';
}

const kinds = ['daily', 'monthly'] as const;

/** Whether the status would show other numbers. A new day in which nothing was used is none. */
export const differs = (shown: UsageStatus | undefined, figures: Reading['figures']): boolean =>
  kinds.some((kind) => windowDiffers(shown?.[kind], figures === 'nothing' ? undefined : figures[kind]));

const unused: UsageWindow = { startsOn: '', microUsd: 0, tokens: 0 };
const unshown: WindowStatus = { startsOn: '', usd: 0, tokens: 0 };

const figures = ['usd', 'tokens', 'debtUsd', 'debtTokens', 'percent'] as const;

function windowDiffers(shown: WindowStatus = unshown, heard: UsageWindow = unused): boolean {
  const now = windowShown(undefined, heard, []);
  return figures.some((figure) => (shown[figure] ?? 0) !== (now[figure] ?? 0));
}

/** What is to be shown. `thresholds` are the percents of a limit that are told. A replica that leads anew may have read before the last one wrote. */
export function usageShown(
  before: UsageStatus | undefined,
  reading: Reading | undefined,
  thresholds: readonly number[],
): UsageStatus | undefined {
  const isNews = reading && !(before && reading.at.getTime() < Date.parse(before.asOf)) && differs(before, reading.figures);
  if (!isNews) return before && alertedBy(before, thresholds);
  const { at, figures } = reading;
  if (figures === 'nothing') return before && emptied(before, at);
  return {
    asOf: timeOf(at),
    daily: windowShown(before?.daily, figures.daily, thresholds),
    monthly: windowShown(before?.monthly, figures.monthly, thresholds),
  };
}

/** Thresholds may have been set since. */
function alertedBy(shown: UsageStatus, thresholds: readonly number[]): UsageStatus {
  const of = (window: WindowStatus): WindowStatus => {
    const reached = reachedAt(window.percent, window.alertedAtPercent, thresholds);
    return reached > (window.alertedAtPercent ?? 0) ? { ...window, alertedAtPercent: reached } : window;
  };
  const [daily, monthly] = [of(shown.daily), of(shown.monthly)];
  return daily === shown.daily && monthly === shown.monthly ? shown : { ...shown, daily, monthly };
}

const reachedAt = (percent = 0, told = 0, thresholds: readonly number[]): number =>
  Math.max(told, ...thresholds.filter((threshold) => threshold <= percent));

function windowShown(
  before: WindowStatus | undefined,
  { startsOn, microUsd, tokens, debtMicroUsd = 0, debtTokens = 0, percent }: UsageWindow,
  thresholds: readonly number[],
): WindowStatus {
  const told = before?.startsOn === startsOn ? before.alertedAtPercent : 0;
  const reached = reachedAt(percent, told, thresholds);
  return {
    startsOn,
    usd: inDollars(microUsd),
    tokens,
    ...(debtMicroUsd > 0 && { debtUsd: inDollars(debtMicroUsd) }),
    ...(debtTokens > 0 && { debtTokens }),
    ...(percent !== undefined && { percent }),
    ...(reached > 0 && { alertedAtPercent: reached }),
  };
}

/** A month has begun in which nothing was used yet. */
function emptied({ daily, monthly }: UsageStatus, at: Date): UsageStatus {
  const of = ({ startsOn, percent }: WindowStatus) => ({ startsOn, usd: 0, tokens: 0, ...(percent !== undefined && { percent: 0 }) });
  return { asOf: timeOf(at), daily: of(daily), monthly: of(monthly) };
}

/** What is to be told, and what it is about, in no numbers that move. */
export interface Alert {
  readonly note: EventNote;
  readonly occasion: string;
}

/** One for each window that has reached a higher threshold than it had. */
export const budgetAlerts = (before: UsageStatus | undefined, after: UsageStatus | undefined): Alert[] =>
  kinds.flatMap((kind) => (after ? windowAlerts(kind, before?.[kind], after[kind]) : []));

function windowAlerts(kind: (typeof kinds)[number], was: WindowStatus | undefined, is: WindowStatus): Alert[] {
  const told = was?.startsOn === is.startsOn ? (was.alertedAtPercent ?? 0) : 0;
  const { alertedAtPercent: reached = 0, usd, tokens, debtUsd = 0, debtTokens = 0, startsOn } = is;
  if (reached <= told) return [];
  const used = `$${usd} and ${tokens} tokens since ${startsOn}`;
  const owed = debtUsd + debtTokens > 0 ? `, and a debt of $${debtUsd} and ${debtTokens} tokens from before` : '';
  const message = `the ${kind} budget is used up to ${reached} %: ${used}${owed}`;
  return [{ note: { type: 'Warning', reason: 'BudgetAlert', message }, occasion: `BudgetAlert ${kind} ${startsOn} ${reached}` }];
}

/** Exact: six decimals are micro-dollars. */
const inDollars = (microUsd: number): number => microUsd / 1e6;

const timeOf = (at: Date): string => `${at.toISOString().slice(0, 19)}Z`;
