/**
 * What a tenant gets: its own wishes, else the defaults of its class, else what is built in; then cut to the ceilings of the class.
 * Pure, and the only place where Tenant and TenantClass are merged.
 */
import { domainMatches, type BudgetWindows, type OnExceeded, type RateLimits, type WindowLimit } from '@cloister/tenancy';
import { builtInAlerts, builtInSoftLimitPercent, rateNames, type Budget, type ShareOfBudget } from '../api/limits.ts';
import type { TenantClassSpec } from '../api/tenant-class.ts';
import type { TenantSpec } from '../api/tenant.ts';
import { quantityValue } from './quantity.ts';

export interface Limits {
  readonly quota: { readonly cpu: string; readonly memory: string; readonly pods: number; readonly agents: number };
  /** Patterns of models, and patterns that bound them. */
  readonly models: { readonly allow: readonly string[]; readonly within: readonly string[] | undefined };
  readonly budget: {
    readonly timeZone: string;
    readonly daily: WindowLimit | undefined;
    readonly monthly: WindowLimit | undefined;
    /** Undefined where no user has a limit of its own. */
    readonly perUser: BudgetWindows | undefined;
    /** Undefined where calls are blocked and nothing else. */
    readonly onExceeded: OnExceeded | undefined;
  };
  /** What is reached through egress. */
  readonly egress: { readonly domains: readonly string[]; readonly ports: readonly number[] };
  readonly rateLimits: RateLimits & { readonly perUser: RateLimits };
}

/** A wish of the Tenant that the class does not grant. */
export interface Cut {
  readonly field: string;
  readonly asked: string | number;
  readonly ceiling: string | number;
}

export interface EffectiveLimits {
  /** Percents of a limit of the budget at which somebody is told. */
  readonly alerts: readonly number[];
  readonly limits: Limits;
  readonly cuts: readonly Cut[];
}

/** For tenants of a class that says nothing: room for some small agents, and no model. */
const builtIn = { cpu: '2', memory: '4Gi', pods: 20, agents: 10 };

export function effectiveLimits(spec: TenantSpec, tenantClass: TenantClassSpec | undefined): EffectiveLimits {
  const tier: Tier = { defaults: tenantClass?.defaults ?? {}, ceilings: tenantClass?.ceilings ?? {} };
  const { defaults, ceilings } = tier;
  const cuts: Cut[] = [];
  const cap = capper(cuts);
  return {
    limits: {
      quota: quotaWithin(spec, tier, cap),
      models: { allow: spec.models?.allow ?? defaults.models?.allow ?? [], within: ceilings.models?.allow },
      budget: budgetWithin(spec, tier, cap),
      egress: egressWithin(spec, tier, cuts),
      rateLimits: rateLimitsWithin(spec, tier, cap),
    },
    alerts: alertsOf(spec.budget, defaults.budget),
    // What a class gives by default but does not allow is the class's own business; a tenant is told of its own wishes alone.
    cuts: cuts.filter((cut) => wished(spec, cut.field)),
  };
}

interface Tier {
  readonly defaults: NonNullable<TenantClassSpec['defaults']>;
  readonly ceilings: NonNullable<TenantClassSpec['ceilings']>;
}

/** The first wish that was made, or the ceiling where that is lower. No wish means no limit, which a ceiling turns into a limit. */
type Cap = <V extends string | number>(field: string, wishes: readonly (V | undefined)[], ceiling: V | undefined) => V | undefined;

const capper =
  (cuts: Cut[]): Cap =>
  (field, wishes, ceiling) => {
    const asked = wishes.find((wish) => wish !== undefined);
    if (ceiling === undefined || asked === undefined) return asked ?? ceiling;
    if (quantityValue(String(asked)) <= quantityValue(String(ceiling))) return asked;
    cuts.push({ field, asked, ceiling });
    return ceiling;
  };

function quotaWithin({ quota: own = {} }: TenantSpec, { defaults, ceilings }: Tier, cap: Cap): Limits['quota'] {
  const given = defaults.quota ?? {};
  const top = ceilings.quota ?? {};
  const { cpu, memory, pods, agents } = builtIn;
  return {
    cpu: cap('spec.quota.cpu', [own.cpu, given.cpu, cpu], top.cpu) ?? cpu,
    memory: cap('spec.quota.memory', [own.memory, given.memory, memory], top.memory) ?? memory,
    pods: cap('spec.quota.pods', [own.pods, given.pods, pods], top.pods) ?? pods,
    agents: cap('spec.quota.agents', [own.agents, given.agents, agents], top.agents) ?? agents,
  };
}

function budgetWithin({ budget: own = {} }: TenantSpec, { defaults, ceilings }: Tier, cap: Cap): Limits['budget'] {
  const given = defaults.budget ?? {};
  const perUser = windowsWithin('spec.budget.perUser', [own.perUser, given.perUser, ceilings.budget?.perUser], cap);
  return {
    timeZone: knownTimeZone(own.timeZone ?? given.timeZone) ?? 'UTC',
    ...windowsWithin('spec.budget', [own, given, ceilings.budget], cap),
    perUser: perUser.daily || perUser.monthly ? perUser : undefined,
    onExceeded: exceeding(own, given),
  };
}

const alertsOf = (own: Budget | undefined, given: Budget | undefined): readonly number[] =>
  own?.alertAtPercent ?? given?.alertAtPercent ?? builtInAlerts;

/** Field by field. */
function exceeding(own: Budget, given: Budget): OnExceeded | undefined {
  const action = own.onExceeded ?? given.onExceeded ?? 'Block';
  if (action === 'Block') return undefined;
  const softLimitPercent = own.softLimitPercent ?? given.softLimitPercent ?? builtInSoftLimitPercent;
  const downgradeTo = [...(own.downgradeTo ?? given.downgradeTo ?? [])];
  return action === 'Downgrade' ? { action, softLimitPercent, downgradeTo } : { action, softLimitPercent };
}

type Share = ShareOfBudget | undefined;

/** Window by window as it is wished for, field by field as it is capped. */
function windowsWithin(path: string, [own, given, top]: readonly [own: Share, given: Share, top: Share], cap: Cap) {
  const window = (name: 'daily' | 'monthly'): WindowLimit | undefined => {
    const wish = own?.[name] ?? given?.[name];
    const usd = cap(`${path}.${name}.usd`, [wish?.usd], top?.[name]?.usd);
    const tokens = cap(`${path}.${name}.tokens`, [wish?.tokens], top?.[name]?.tokens);
    return usd === undefined && tokens === undefined ? undefined : { usd: toMicros(usd), tokens };
  };
  return { daily: window('daily'), monthly: window('monthly') };
}

/** A ceiling that names no ports allows all of them. */
function egressWithin({ network }: TenantSpec, { defaults, ceilings }: Tier, cuts: Cut[]): Limits['egress'] {
  const [own, given, top] = [network?.egress ?? {}, defaults.network?.egress ?? {}, ceilings.network?.egress ?? {}];
  return {
    domains: coveredBy(top.domains, own.domains ?? given.domains ?? [], domainMatches, 'spec.network.egress.domains', cuts),
    ports: coveredBy(top.ports, own.ports ?? given.ports ?? [443], (one, asked) => one === asked, 'spec.network.egress.ports', cuts),
  };
}

/** Entry by entry: what the ceiling does not cover is left out. */
function coveredBy<V extends string | number>(
  ceiling: readonly V[] | undefined,
  asked: readonly V[],
  covers: (one: V, asked: V) => boolean,
  field: string,
  cuts: Cut[],
): readonly V[] {
  if (!ceiling) return asked;
  const beyond = asked.filter((value) => !ceiling.some((one) => covers(one, value)));
  if (beyond.length > 0) cuts.push({ field, asked: beyond.join(', '), ceiling: ceiling.join(', ') || 'none' });
  return asked.filter((value) => !beyond.includes(value));
}

function rateLimitsWithin({ rateLimits: own }: TenantSpec, { defaults, ceilings }: Tier, cap: Cap): Limits['rateLimits'] {
  const [given, top] = [defaults.rateLimits, ceilings.rateLimits];
  return {
    ...ratesWithin('spec.rateLimits', [own, given, top], cap),
    perUser: ratesWithin('spec.rateLimits.perUser', [own?.perUser, given?.perUser, top?.perUser], cap),
  };
}

type Rates = RateLimits | undefined;

/** Field by field. */
function ratesWithin(path: string, [own, given, top]: readonly [own: Rates, given: Rates, top: Rates], cap: Cap): RateLimits {
  return Object.fromEntries(rateNames.map((name) => [name, cap(`${path}.${name}`, [own?.[name], given?.[name]], top?.[name])]));
}

/** As the ledger counts it. */
export function inMicros(budget: ShareOfBudget | undefined): BudgetWindows | undefined {
  const window = (own: ShareOfBudget['daily']) => own && { usd: toMicros(own.usd), tokens: own.tokens };
  return budget && { daily: window(budget.daily), monthly: window(budget.monthly) };
}

export const toMicros = (usd: number | undefined): number | undefined => (usd === undefined ? undefined : Math.round(usd * 1e6) / 1e6);

/** Undefined for a time zone that nobody knows. */
export function knownTimeZone(name: string | undefined): string | undefined {
  if (name === undefined) return undefined;
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return name;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Whether the Tenant itself sets the field at this path. */
function wished(spec: TenantSpec, path: string): boolean {
  let value: unknown = { spec };
  for (const name of path.split('.')) value = typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
  return value !== undefined;
}
