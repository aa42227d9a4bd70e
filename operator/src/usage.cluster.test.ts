/** What a Tenant's status says of its usage, and what is told of it, on a real API server; the test says what egress would. */
import { tenantsUsage, type TenantsUsage } from '@cloister/tenancy';
import { findCondition } from 'kube-runtime';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import * as kinds from './kinds.ts';
import { isReady } from './status/conditions.ts';
import { runOperator, startTimeoutMs, type RunningOperator } from './testing/operator.fixture.ts';
import { TenantWorld } from './testing/tenants.fixture.ts';
import { until } from './testing/until.fixture.ts';

let operator: RunningOperator;
let world: TenantWorld;
let told: TenantsUsage = { tenants: [] };
beforeAll(async () => {
  operator = await runOperator(() => Promise.resolve(told));
  world = new TenantWorld(operator.cluster);
  await world.prepare();
}, startTimeoutMs);
afterAll(async () => {
  await world.removeAll();
  await operator.stop();
});

const tenant = (name = 'spender') => world.get(kinds.tenants, undefined, name);
const usage = async (name?: string) => (await tenant(name))?.status?.usage;
const alerts = (name = 'spender') => world.eventNotes(name, 'BudgetAlert');
const exceeded = async () => findCondition((await tenant())?.status?.conditions, 'BudgetExceeded')?.status;
async function spend(microUsd: number, percent: number, name = 'spender'): Promise<void> {
  const uid = (await tenant(name))?.metadata.uid;
  const window = (startsOn: string) => ({ startsOn, microUsd, tokens: microUsd * 3, percent });
  told = tenantsUsage.parse({
    tenants: [
      ...told.tenants.filter((other) => other.uid !== uid),
      { tenant: name, uid, daily: window('2026-11-26'), monthly: { ...window('2026-11-01'), percent: 0 } },
    ],
  });
}

test(
  'usage is shown, each threshold is told once in a window, across restarts, and at rest nothing is written',
  { timeout: 60_000 },
  async () => {
    await world.tenant('spender', { budget: { daily: { usd: 10 }, alertAtPercent: [50, 100] } });
    await world.ready('spender');
    await pause(2_500);
    operator.writes();
    await pause(2_500);
    expect([operator.writes(), await usage()]).toEqual([[], undefined]);

    await spend(6_000_000, 60);
    await until('the usage', async () => (await usage())?.daily.usd === 6, 5_000);
    expect(await usage()).toMatchObject({
      daily: { startsOn: '2026-11-26', usd: 6, tokens: 18_000_000, percent: 60, alertedAtPercent: 50 },
      monthly: { startsOn: '2026-11-01', usd: 6 },
    });
    await until('the alert', async () => (await alerts()).length > 0, 5_000);
    expect(await alerts()).toEqual(['the daily budget is used up to 50 %: $6 and 18000000 tokens since 2026-11-26']);
    const seen = await usage();
    operator.writes();
    await operator.restart();
    await pause(3_000);
    expect([operator.writes(), await usage(), (await alerts()).length]).toEqual([[], seen, 1]);

    await spend(9_990_000, 100);
    await until('the budget to be spent', async () => (await exceeded()) === 'True', 5_000);
    expect(isReady((await tenant())?.status?.conditions)).toBe(true);
    await until('the second alert', async () => (await alerts()).length > 1, 5_000);
    expect(await operator.metrics()).toMatch(/cloister_tenant_budget_alert_percent\{tenant="spender",window="daily"\} 100/);
    expect(await operator.metrics()).toMatch(/cloister_tenant_spent_usd\{tenant="spender",window="monthly"\} 9\.99/);

    told = { tenants: [] };
    await until('the new month', async () => (await exceeded()) === 'False', 5_000);
    expect(await usage()).toMatchObject({ daily: { usd: 0, tokens: 0 }, monthly: { usd: 0 } });
    expect(await alerts()).toHaveLength(2);
  },
);

test.each([0, 1])(
  'a threshold is told of by one Event, though the operator dies when it has written %i of Event and status',
  async (writes) => {
    const name = `dying-${writes}`;
    await world.tenant(name, { budget: { daily: { usd: 10 } } });
    await world.ready(name);
    await pause(1_000);
    operator.dieAfter(writes);
    await spend(6_000_000, 60, name);
    await until('the operator to die', () => Promise.resolve(operator.died()), 5_000);
    await operator.restart();
    await until('the usage', async () => (await usage(name))?.daily.alertedAtPercent === 50, 5_000);
    await pause(500);
    expect(await alerts(name)).toEqual([expect.stringContaining('the daily budget is used up to 50 %')]);
  },
);
