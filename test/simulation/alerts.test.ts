/** A budget runs out while the operator is killed: what is told of it. */
import { tenantsUsage } from '@cloister/tenancy';
import { expect, test } from 'vitest';
import { isRecord } from './json.ts';
import type { Mishap } from './operator-process.ts';
import { onStage } from './scene.ts';
import type { Act } from './workloads.ts';
import type { World } from './world.ts';

const acme: Act = ({ person }) => person.tenant('acme', { budget: { daily: { usd: 10 } } });

const alertsIn = (world: World): number => world.server.objects().filter((object) => object['reason'] === 'BudgetAlert').length;
const alertedAt = (world: World): unknown => {
  const status = world.find('Tenant', 'acme')?.['status'];
  const usage = isRecord(status) ? status['usage'] : undefined;
  return isRecord(usage) && isRecord(usage['daily']) ? usage['daily']['alertedAtPercent'] : undefined;
};

/** As egress would say it: six of ten dollars. */
function spendIn(world: World): void {
  const uid = world.find('Tenant', 'acme')?.metadata.uid;
  const used = { microUsd: 6_000_000, tokens: 6, percent: 60 };
  const windows = { daily: { startsOn: '2026-11-26', ...used }, monthly: { startsOn: '2026-11-01', ...used, percent: 0 } };
  world.usage = tenantsUsage.parse({ tenants: [{ tenant: 'acme', uid, ...windows }] });
}

const mishaps: readonly (readonly [string, Mishap | undefined])[] = [
  ['nothing goes wrong', undefined],
  ['the operator dies before it', { crash: 'before' }],
  ['the operator dies after it', { crash: 'after' }],
  ['its answer is lost', { after: 'timeout' }],
  ['it meets a conflict', { before: { code: 409, reason: 'Conflict', message: 'the simulation says so' } }],
  ['it is refused', { before: { code: 500, reason: 'InternalError', message: 'the simulation says so' } }],
];

test.each([0, 1].flatMap((index) => mishaps.map(([what, mishap]) => [index, what, mishap] as const)))(
  'a threshold is told of by one Event, and the status says so only then: at write %i %s',
  (index, _, mishap) =>
    onStage('a tenant with a budget', [acme], async ({ world }) => {
      spendIn(world);
      const moments: [alerts: number, alertedAt: unknown][] = [];
      let writes = 0;
      world.mishap = ({ write }) => {
        moments.push([alertsIn(world), alertedAt(world)]);
        return write && writes++ === index ? mishap : undefined;
      };
      await world.restart();
      await world.converge();
      expect(writes).toBeGreaterThan(1);
      expect(moments).not.toContainEqual([0, 50]);
      expect([alertsIn(world), alertedAt(world)]).toEqual([1, 50]);
    }),
);
