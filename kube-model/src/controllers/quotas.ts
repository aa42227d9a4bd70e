import { equal, recordOf } from '../objects/json.ts';
import { amountOf, spelt } from '../rules/quantity.ts';
import { charges, hardOf } from '../rules/quota.ts';
import { label, on, type Step, type World } from './step.ts';

/** Counts anew what a namespace uses. Until that was done once, a quota refuses all that it counts. */
export function countQuotas(world: World): Step[] {
  return world.all
    .filter(({ served }) => served.kind.kind === 'ResourceQuota')
    .flatMap(({ served, object }): Step[] => {
      const hard = hardOf(object);
      const used = Object.fromEntries(Object.keys(hard).map((name) => [name, spelt(usedOf(world, object.metadata.namespace, name))]));
      const status = recordOf(object['status']);
      const known = recordOf(status['used']);
      const same = Object.keys(hard).every((name) => name in known && amountOf(known[name]) === amountOf(used[name]));
      if (equal(status['hard'], hard) && same && Object.keys(known).length === Object.keys(hard).length) return [];
      const body = { status: { hard, used } };
      return [
        {
          name: `quota controller: count ${label(served, object)}`,
          run: () => world.request(on(served.kind, object, { method: 'PUT', body: { ...object, ...body } }, 'status')),
        },
      ];
    });
}

const usedOf = ({ all }: World, namespace: string | undefined, name: string): number =>
  all.reduce((sum, { served, object }) => sum + (object.metadata.namespace === namespace ? (charges(served, object)[name] ?? 0) : 0), 0);
