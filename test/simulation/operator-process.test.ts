/** What goes wrong at a write in Postgres or Redis strikes there: the operator hears of it, and what was not to be carried out is not. */
import { findCondition } from 'kube-runtime';
import { expect, test } from 'vitest';
import * as kinds from '../../operator/src/kinds.ts';
import type { Mishap } from './operator-process.ts';
import { onStage } from './scene.ts';
import type { World } from './world.ts';

const refusal = { code: 500, reason: 'InternalError', message: 'the simulation says so' };
const troubles: readonly (readonly [string, Mishap, boolean, string])[] = [
  ['is refused', { before: refusal }, false, 'the simulation says so'],
  ['does not arrive', { before: 'reset' }, false, 'reset'],
  ['is carried out without an answer', { after: 'timeout' }, true, 'timeout'],
];
const stores = ['Postgres', 'Redis'] as const;

const told = (world: World) =>
  findCondition(kinds.tenants.accept(world.find('Tenant', 'acme') ?? { metadata: { name: '' } }).status?.conditions, 'DataReady');
const accountsIn = ({ data: { logins, users } }: World, store: string): string[] =>
  [...(store === 'Postgres' ? logins : users).keys()].filter((login) => login.startsWith('t_acme'));

test.each(stores.flatMap((store) => troubles.map((trouble) => [store, ...trouble] as const)))(
  'a write in %s that %s',
  (store, _, mishap, done, why) =>
    onStage('nobody', [], async ({ world, person }) => {
      world.mishap = ({ what }) => (what.startsWith(`${store}: `) ? mishap : undefined);
      await person.tenant('acme');
      await world.pass(2_000);
      expect(accountsIn(world, store).length > 0).toBe(done);
      expect(told(world)).toMatchObject({ status: 'False', reason: 'DataUnreachable' });
      expect(told(world)?.message).toContain(why);
      world.mishap = () => undefined;
      await world.converge();
      expect(told(world)?.status).toBe('True');
    }),
);
