/** What must hold after every run, whatever went wrong in it. */
import { annotations, servingKey } from '@cloister/tenancy';
import type { Change, StoredObject } from 'kube-model';
import { secrets } from '../../operator/src/kinds.ts';
import { madeAtOf } from '../../operator/src/rotation/credential.ts';
import { certificateIn } from '../../operator/src/serving/certificate.ts';
import { isRecord } from './json.ts';
import { bystander } from './person.ts';
import { outsideOfConfinement } from './rights.ts';
import type { World } from './world.ts';

/** `version`: where the workload began. */
export function problemsOf(world: World, from: World, version: number, concernsAll: boolean): string[] {
  const changes = world.changesSince(version);
  const own = world.byOperator(changes);
  return [
    ...world.forbidden,
    ...beyondConfinement(from, changes, new Set(own)),
    ...(concernsAll ? [] : own.filter(touchesBystander)).map(
      ({ verb, key, served }) => `the bystander was touched: ${verb} ${served.kind.kind} ${key}`,
    ),
    ...replacedKeys(world, changes, new Set(own)),
  ];
}

function beyondConfinement(from: World, changes: readonly Change[], own: ReadonlySet<Change>): string[] {
  const namespaces = new Map<string, StoredObject>();
  for (const object of from.server.objects()) if (object.kind === 'Namespace') namespaces.set(object.metadata.name, object);
  const found: string[] = [];
  for (const change of changes) {
    const why = own.has(change) ? outsideOfConfinement(change, (name) => namespaces.get(name)) : undefined;
    if (why) found.push(`forbidden: ${why}`);
    if (change.served.kind.kind !== 'Namespace') continue;
    if (change.after) namespaces.set(change.key, change.after);
    else namespaces.delete(change.key);
  }
  return found;
}

function touchesBystander({ key, before, after }: Change): boolean {
  const metadata = (after ?? before)?.metadata;
  return key === bystander || metadata?.namespace === `tenant-${bystander}` || metadata?.name === `tenant-${bystander}`;
}

const requestOf = ({ metadata }: StoredObject): string | undefined => metadata.annotations?.[annotations.madeFor];

/**
 * A key or password that was handed out is only ever replaced when somebody took its Secret away or asked for it, or when it is old; a certificate
 * also when another authority signs.
 */
function replacedKeys({ configuration: { rotation } }: World, changes: readonly Change[], own: ReadonlySet<Change>): string[] {
  return changes.flatMap((change) => {
    const { before, after, key } = change;
    if (!own.has(change) || after?.kind !== 'Secret' || !before) return [];
    const valueOf = ({ data }: StoredObject): string | undefined => {
      const value = isRecord(data) ? (data['key'] ?? data['url'] ?? data[servingKey]) : undefined;
      return typeof value === 'string' ? value : undefined;
    };
    if (valueOf(before) === undefined || valueOf(before) === valueOf(after) || requestOf(before) !== requestOf(after)) return [];
    if (wasOld(before, after, rotation) || issuerOf(before) !== issuerOf(after)) return [];
    return [`a key was replaced: Secret ${key}`];
  });
}

const issuerOf = (secret: StoredObject): string | undefined => certificateIn(secrets.accept(secret))?.issuer;

/** None is due by age before three quarters of it. */
function wasOld(before: StoredObject, after: StoredObject, rotation: World['configuration']['rotation']): boolean {
  const { databaseDays, redisDays, servingDays } = rotation;
  const ages = { database: databaseDays, redis: redisDays, serving: servingDays };
  const [, age = 0] = Object.entries(ages).find(([which]) => before.metadata.name.endsWith(which)) ?? [];
  const [made, next] = [before, after].map((object) => madeAtOf(secrets.accept(object)).getTime());
  return age > 0 && made !== undefined && next !== undefined && next - made >= 0.75 * age * 86_400_000;
}

export async function panics(world: World): Promise<string[]> {
  const found: string[] = [];
  for (const { cluster } of world.processes) {
    const metric = await cluster.registry.getSingleMetric('controller_runtime_reconcile_panics_total')?.get();
    for (const { value, labels } of metric?.values ?? []) if (value > 0) found.push(`a reconcile panicked: ${JSON.stringify(labels)}`);
  }
  return found;
}

export async function writesAfterRestart(world: World): Promise<string[]> {
  const calls = world.calls.length;
  await world.restart();
  await world.converge();
  return world.calls.slice(calls).map(({ what }) => `written after convergence and a restart: ${what}`);
}
