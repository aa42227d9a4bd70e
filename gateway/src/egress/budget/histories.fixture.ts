/** Random histories of a fleet of replicas and its budgets; what must hold is checked after every step. */
import fc from 'fast-check';
import type { Ladder, Rung } from './ask.ts';
import { Fleet, ladderOf, type Fate } from './fleet.fixture.ts';
import { silence } from './keep-expiring.ts';
import { LedgerModel } from './ledger-model.fixture.ts';
import type { Ledger } from './ledger.ts';
import type { Limit } from './limits.ts';

const day = 86_400_000;
export const noon = Date.UTC(2026, 10, 29, 12);
const tenants = ['a', 'b'] as const;
/** Budgets: of both tenants, and in each of an agent, an API key and a user. Calls of others name none of these. */
export const accounts = ['a', 'b', 'a/x', 'b/x', 'a/key:k', 'b/key:k', 'a/user:u', 'b/user:u'] as const;

export const which = fc.nat(2);
const tenant = fc.constantFrom(...tenants);
const account = fc.constantFrom(...accounts);
const agent = fc.constantFrom('', 'x');
const caller = fc.constantFrom('', 'key:k', 'user:u');
export const who = fc.record({ tenant, agent, caller });
export const fate = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Fate>('arrives') },
  { weight: 1, arbitrary: fc.constantFrom<Fate>('is lost', 'loses its answer', 'is said twice') },
);
export const soft = fc.option(
  fc.record({ percent: fc.constantFrom(20, 50, 80), rest: fc.constantFrom('kept' as const, 'released' as const) }),
  {
    nil: undefined,
    freq: 2,
  },
);
type Cap = fc.Arbitrary<bigint | undefined>;
const windows = (microUsd: Cap, tokens: Cap) =>
  fc.record({ daily: fc.record({ microUsd, tokens }), monthly: fc.record({ microUsd, tokens }) });
const none = fc.constant(undefined);
/** As often as not of one unit alone. */
export const limitsOf = (cap: Cap) =>
  fc
    .oneof({ weight: 2, arbitrary: windows(cap, cap) }, windows(cap, none), windows(none, cap))
    .map(({ daily, monthly }): Limit[] => [
      { kind: 'daily' as const, ...daily },
      { kind: 'monthly' as const, ...monthly },
    ])
    .map((both) => both.filter(({ microUsd, tokens }) => microUsd !== undefined || tokens !== undefined));
const limits = limitsOf(fc.option(fc.bigInt(50n, 3_000n), { nil: undefined, freq: 3 }));
export const steps = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      ...{ do: fc.constant('call' as const), which, who, size: fc.integer({ min: 1, max: 400 }), fate, soft },
      isFree: fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, fc.constant(true)),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('stream' as const), which, at: fc.nat(), amount: fc.bigInt(1n, 400n) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('settle' as const), which, at: fc.nat() }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('beat' as const), which, fate }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(100, 1_000, 16_000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('midnight' as const), days: fc.constantFrom<number>(1, 3) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('overcharge' as const), which, at: fc.nat(), amount: fc.bigInt(1n, 100n) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('echo' as const), at: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cut' as const), which }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('expire' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('crash' as const), which }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('stop' as const), which }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('limit' as const), account, limits }) },
);
const zone = fc.constantFrom(
  'UTC',
  'Europe/Berlin',
  'America/Havana',
  'Atlantic/Azores',
  'Africa/Cairo',
  'Pacific/Kiritimati',
  'Pacific/Pago_Pago',
);
/** Of tenants that move from one zone to another, and of clocks that go too fast or too slow. */
export const travels = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('zone' as const), tenant, zone }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(30, 60, 300, 1_440).map((minutes) => minutes * 60_000) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('drift' as const), which, ms: fc.integer({ min: -2_000, max: 2_000 }) }) },
);
export type Step = (typeof steps extends fc.Arbitrary<infer T> ? T : never) | (typeof travels extends fc.Arbitrary<infer T> ? T : never);
export interface History {
  /** Of each of {@link accounts}. */
  readonly limits: readonly (readonly Limit[])[];
  readonly steps: readonly Step[];
}
export const historyOf = (ofAccount: fc.Arbitrary<Limit[]>, step: fc.Arbitrary<Step>, minLength = 10): fc.Arbitrary<History> =>
  fc.record({
    limits: fc.array(ofAccount, { minLength: accounts.length, maxLength: accounts.length }),
    steps: fc.array(step, { minLength, maxLength: 80 }),
  });
export const history = historyOf(limits, steps);

export interface World {
  readonly ledger: Ledger;
  readonly books: LedgerModel;
  /** Lets time pass for the ledger and for the replicas. */
  readonly pass: (ms: number) => Promise<void>;
  readonly look: () => Promise<void>;
}

/** Of the rules in plain code alone, in which thousands of histories pass in a minute. */
export function withRules(begins = noon): World {
  const books = new LedgerModel(begins);
  return { ledger: books, books, pass: (ms) => Promise.resolve(void (books.now += ms)), look: () => Promise.resolve() };
}

export async function live(
  { limits: given, steps: taken }: History,
  world: World,
  options?: ConstructorParameters<typeof Fleet>[3],
): Promise<Fleet> {
  const fleet = new Fleet(3, world.ledger, world.books, options);
  for (const [at, name] of accounts.entries()) fleet.limit(name, given[at] ?? []);
  for (const step of taken) {
    await take(fleet, world, step);
    fleet.check();
    await world.look();
  }
  await fleet.end(() => world.pass((silence + 1) * 1_000));
  await world.look();
  return fleet;
}

/** The same calls of a model that costs nothing. */
function withoutPrice([first, ...others]: Ladder): Ladder {
  const free = (rung: Rung): Rung => ({ ...rung, cost: { microUsd: 0n, tokens: rung.cost.tokens } });
  return [free(first), ...others.map(free)];
}

/** Where the dear call goes no further into its budget, a cheaper one takes its place. */
async function call(
  fleet: Fleet,
  { which: at, who: caller, size, fate: meets, soft: share, isFree }: Extract<Step, { do: 'call' }>,
): Promise<void> {
  const ladder = ladderOf(size, Math.ceil(size / 2));
  const served = await fleet.call(at, caller, isFree ? withoutPrice(ladder) : ladder, meets, share);
  if (!served && share?.rest === 'kept') await fleet.call(at, caller, ladderOf(Math.ceil(size / 5)), meets);
}

export async function take(fleet: Fleet, { pass }: World, step: Step): Promise<void> {
  if (step.do === 'call') await call(fleet, step);
  else if (step.do === 'stream') fleet.stream(step.which, step.at, step.amount);
  else if (step.do === 'settle') fleet.settle(step.which, step.at);
  else if (step.do === 'beat') await fleet.beat(step.which, step.fate);
  else if (step.do === 'wait') await pass(step.ms);
  else if (step.do === 'midnight') await pass(step.days * day);
  else if (step.do === 'overcharge') fleet.overcharge(step.which, step.at, step.amount);
  else if (step.do === 'limit') fleet.limit(step.account, step.limits);
  else await disturb(fleet, step);
}

type Disturbance = Extract<Step, { do: 'echo' | 'cut' | 'expire' | 'crash' | 'stop' | 'zone' | 'drift' }>;
async function disturb(fleet: Fleet, step: Disturbance): Promise<void> {
  if (step.do === 'echo') await fleet.echo(step.at);
  else if (step.do === 'cut') fleet.cut(step.which);
  else if (step.do === 'expire') await fleet.expire();
  else if (step.do === 'crash') fleet.crash(step.which);
  else if (step.do === 'stop') await fleet.stop(step.which);
  else if (step.do === 'zone') fleet.zone(step.tenant, step.zone);
  else fleet.drift(step.which, step.ms);
}
