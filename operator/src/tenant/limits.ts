/**
 * What a tenant gets: its own wishes, else the defaults of its class, else what is built in; then cut to the ceilings of the class.
 * Pure, and the only place where Tenant and TenantClass are merged.
 */
import type { WindowLimit } from '@cloister/tenancy';
import type { TenantClassSpec } from '../api/tenant-class.ts';
import type { TenantSpec } from '../api/tenant.ts';
import { quantityValue } from './quantity.ts';

export interface Limits {
  readonly quota: { readonly cpu: string; readonly memory: string; readonly pods: number; readonly agents: number };
  /** Patterns of models, and patterns that bound them. */
  readonly models: { readonly allow: readonly string[]; readonly within: readonly string[] | undefined };
  readonly budget: { readonly timeZone: string; readonly daily: WindowLimit | undefined; readonly monthly: WindowLimit | undefined };
  readonly requestsPerMinute: number | undefined;
}

/** A wish of the Tenant that the class does not grant. */
export interface Cut {
  readonly field: string;
  readonly asked: string | number;
  readonly ceiling: string | number;
}

export interface EffectiveLimits {
  readonly limits: Limits;
  readonly cuts: readonly Cut[];
}

/** For tenants of a class that says nothing: room for some small agents, and no model. */
const builtIn = { cpu: '2', memory: '4Gi', pods: 20, agents: 10 };

export function effectiveLimits(spec: TenantSpec, tenantClass: TenantClassSpec | undefined): EffectiveLimits {
  const { defaults = {}, ceilings = {} } = tenantClass ?? {};
  const cuts: Cut[] = [];
  const cap = capper(cuts);
  const rate = spec.rateLimits?.requestsPerMinute ?? defaults.rateLimits?.requestsPerMinute;
  return {
    limits: {
      quota: quotaWithin(spec, tenantClass, cap),
      models: { allow: spec.models?.allow ?? defaults.models?.allow ?? [], within: ceilings.models?.allow },
      budget: {
        timeZone: knownTimeZone(spec.budget?.timeZone ?? defaults.budget?.timeZone) ?? 'UTC',
        daily: windowWithin('daily', spec, tenantClass, cap),
        monthly: windowWithin('monthly', spec, tenantClass, cap),
      },
      requestsPerMinute: cap('spec.rateLimits.requestsPerMinute', rate, ceilings.rateLimits?.requestsPerMinute),
    },
    // What a class gives by default but does not allow is the class's own business; a tenant is told of its own wishes alone.
    cuts: cuts.filter((cut) => wished(spec, cut.field)),
  };
}

type Cap = <V extends string | number | undefined>(field: string, value: V, ceiling: V | undefined) => V;

/** No value means no limit, which a ceiling turns into a limit. */
const capper =
  (cuts: Cut[]): Cap =>
  (field, value, ceiling) => {
    if (ceiling === undefined) return value;
    if (value === undefined) return ceiling;
    if (quantityValue(String(value)) <= quantityValue(String(ceiling))) return value;
    cuts.push({ field, asked: value, ceiling });
    return ceiling;
  };

function quotaWithin({ quota: own = {} }: TenantSpec, tenantClass: TenantClassSpec | undefined, cap: Cap): Limits['quota'] {
  const given = tenantClass?.defaults?.quota ?? {};
  const top = tenantClass?.ceilings?.quota ?? {};
  return {
    cpu: cap('spec.quota.cpu', own.cpu ?? given.cpu ?? builtIn.cpu, top.cpu),
    memory: cap('spec.quota.memory', own.memory ?? given.memory ?? builtIn.memory, top.memory),
    pods: cap('spec.quota.pods', own.pods ?? given.pods ?? builtIn.pods, top.pods),
    agents: cap('spec.quota.agents', own.agents ?? given.agents ?? builtIn.agents, top.agents),
  };
}

type Window = 'daily' | 'monthly';

function windowWithin(name: Window, spec: TenantSpec, tenantClass: TenantClassSpec | undefined, cap: Cap): WindowLimit | undefined {
  const wanted = spec.budget?.[name] ?? tenantClass?.defaults?.budget?.[name];
  const top = tenantClass?.ceilings?.budget?.[name];
  const usd = cap(`spec.budget.${name}.usd`, wanted?.usd, top?.usd);
  const tokens = cap(`spec.budget.${name}.tokens`, wanted?.tokens, top?.tokens);
  if (usd === undefined && tokens === undefined) return undefined;
  return { ...(usd === undefined ? {} : { usd: toMicros(usd) }), ...(tokens === undefined ? {} : { tokens }) };
}

const toMicros = (usd: number): number => Math.round(usd * 1e6) / 1e6;

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
