/** What a tenant is entitled to, as its class and the model providers have it. Pure; used for tenants and for their agents. */
import { modelProviderSpec } from '../api/model-provider.ts';
import { tenantClassSpec, type TenantClassSpec } from '../api/tenant-class.ts';
import type { TenantSpec } from '../api/tenant.ts';
import type { ModelProvider, TenantClass } from '../kinds.ts';
import { allowedModels, type Provider } from '../provider/offers.ts';
import { effectiveLimits, type Cut, type Limits } from './limits.ts';

export interface Standing {
  /** The class that the spec names, or the default one; present even where no such class exists. */
  readonly className: string | undefined;
  readonly tenantClass: { readonly name: string; readonly generation: number; readonly spec: TenantClassSpec } | undefined;
  /** Names of all classes that say `default`, where the spec names none. */
  readonly defaults: readonly string[];
  readonly limits: Limits;
  readonly cuts: readonly Cut[];
  /** Models that may be used, by full name. */
  readonly models: readonly string[];
}

export function standingOf(
  tenant: { readonly name: string; readonly spec: TenantSpec },
  world: { readonly classes: readonly TenantClass[]; readonly providers: readonly ModelProvider[] },
): Standing {
  const classes = world.classes.map(readClass);
  const defaults = tenant.spec.classRef ? [] : classes.filter(({ spec }) => spec?.default).map(({ name }) => name);
  const className = tenant.spec.classRef?.name ?? (defaults.length === 1 ? defaults[0] : undefined);
  const found = classes.find(({ name }) => name === className);
  const { limits, cuts } = effectiveLimits(tenant.spec, found?.spec);
  return {
    className,
    tenantClass: found?.spec ? { ...found, spec: found.spec } : undefined,
    defaults: defaults.sort(),
    limits,
    cuts,
    models: allowedModels(world.providers.flatMap(readProvider), { tenant: tenant.name, tenantClass: className }, limits.models),
  };
}

const readClass = ({ metadata, spec }: TenantClass) => ({
  name: metadata.name,
  generation: metadata.generation ?? 0,
  spec: tenantClassSpec.safeParse(spec).data,
});

function readProvider({ metadata, spec }: ModelProvider): Provider[] {
  const parsed = modelProviderSpec.safeParse(spec);
  return parsed.success && !metadata.deletionTimestamp ? [{ name: metadata.name, spec: parsed.data }] : [];
}
