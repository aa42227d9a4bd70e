/** What a tenant is entitled to, as its class and the model providers have it. Pure; used for tenants and for their agents. */
import { modelProviderSpec } from '../api/model-provider.ts';
import { tenantClassSpec, type TenantClassSpec } from '../api/tenant-class.ts';
import type { TenantSpec } from '../api/tenant.ts';
import { chooseRevision, isOlder, type ClassSeen, type ClassVersion } from '../class/choice.ts';
import type { Kept } from '../class/revisions.ts';
import type { ModelProvider, Tenant, TenantClass } from '../kinds.ts';
import { allowedModels, chatModelsAmong, type Provider } from '../provider/offers.ts';
import { remembered } from '../remembered.ts';
import { effectiveLimits, type Cut, type Limits } from './limits.ts';

export interface Standing {
  /** The class that the spec names, or the default one; present even where no such class exists. */
  readonly className: string | undefined;
  readonly classExists: boolean;
  /** What the class says in the revision that the tenant is on. */
  readonly tenantClass: { readonly name: string; readonly revision: string; readonly spec: TenantClassSpec } | undefined;
  /** The revision that the spec pins the tenant to, where the class has no such revision. */
  readonly unknownPin: string | undefined;
  /** The class that was found, or what the tenant has seen of it if that is newer. */
  readonly classSeen: ClassVersion | undefined;
  /** What was found of the class is older than what the tenant has seen of it. */
  readonly classIsBehind: boolean;
  /** Names of all classes that say `default`, where the spec names none. */
  readonly defaults: readonly string[];
  readonly limits: Limits;
  readonly cuts: readonly Cut[];
  /** Percents of a limit of the budget at which somebody is told. */
  readonly alerts: readonly number[];
  /** Models that may be used, by full name. */
  readonly models: readonly string[];
  /** Those of them that agents can talk with. The others make embeddings. */
  readonly chatModels: readonly string[];
  /** All that there are, open to the tenant or not. */
  readonly providers: readonly Provider[];
}

export interface StandingWorld {
  readonly classes: readonly TenantClass[];
  readonly providers: readonly ModelProvider[];
  readonly revisionsOf: (tenantClass: TenantClass) => Kept;
}

interface Subject {
  readonly tenant: Tenant;
  readonly spec: TenantSpec;
}

/** On the revision that the tenant is to be on: its own, or the one that it is moved to now. */
export const standingOf = (subject: Subject, world: StandingWorld): Standing => standing(subject, world, chooseRevision);

/** On the revision that the tenant's status names. Agents follow their tenant, so that it never stands on two. */
export const recordedStandingOf = (subject: Subject, world: StandingWorld): Standing => standing(subject, world, ({ applied }) => applied);

function standing(subject: Subject, world: StandingWorld, choose: typeof chooseRevision): Standing {
  const { tenant, spec } = subject;
  const { name } = tenant.metadata;
  const defaults = spec.classRef ? [] : world.classes.filter((one) => readClass(one).spec?.default).map(({ metadata }) => metadata.name);
  const className = spec.classRef?.name ?? (defaults.length === 1 ? defaults[0] : undefined);
  const found = world.classes.find(({ metadata }) => metadata.name === className);
  const placed = found ? placeIn(found, subject, { kept: world.revisionsOf(found), choose }) : nowhere;
  const { limits, cuts, alerts } = effectiveLimits(spec, placed.tenantClass?.spec);
  const providers = providersIn(world);
  const ownKeys = (spec.providerKeys ?? []).map(({ provider }) => provider);
  const models = allowedModels(providers, { tenant: name, tenantClass: className, ownKeys }, limits.models);
  return {
    className,
    classExists: found !== undefined,
    ...placed,
    defaults: defaults.sort(),
    limits,
    cuts,
    alerts,
    models,
    chatModels: chatModelsAmong(models, providers),
    providers,
  };
}

/** All that can be read, open to the tenant or not. */
export const providersIn = ({ providers }: Pick<StandingWorld, 'providers'>): readonly Provider[] => providers.flatMap(readProvider);

type Place = Pick<Standing, 'tenantClass' | 'unknownPin' | 'classSeen' | 'classIsBehind'>;
const nowhere: Place = { tenantClass: undefined, unknownPin: undefined, classSeen: undefined, classIsBehind: false };

interface Choosing {
  readonly kept: Kept;
  readonly choose: typeof chooseRevision;
}

function placeIn(found: TenantClass, { tenant, spec }: Subject, { kept, choose }: Choosing): Place {
  const pin = spec.classRef?.revision;
  const seen = tenant.status?.classSeen;
  const read = readClass(found);
  const revision = choose({ name: tenant.metadata.name, pin, applied: tenant.status?.classRevision, seen }, read, kept);
  const inForce = revision === undefined ? undefined : kept.get(revision);
  return {
    tenantClass: revision !== undefined && inForce ? { name: found.metadata.name, revision, spec: inForce } : undefined,
    unknownPin: pin !== undefined && !kept.has(pin) ? pin : undefined,
    classSeen: isOlder(read.version, seen) ? seen : read.version,
    classIsBehind: isOlder(read.version, seen),
  };
}

const readClass = remembered(({ metadata, spec, status }: TenantClass): ClassSeen => ({
  name: metadata.name,
  version:
    metadata.uid === undefined || metadata.generation === undefined ? undefined : { uid: metadata.uid, generation: metadata.generation },
  spec: tenantClassSpec.safeParse(spec).data,
  status,
}));

const readProvider = remembered(({ metadata, spec }: ModelProvider): Provider[] => {
  const parsed = modelProviderSpec.safeParse(spec);
  return parsed.success && !metadata.deletionTimestamp ? [{ name: metadata.name, spec: parsed.data }] : [];
});
