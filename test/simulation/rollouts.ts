/** A class that changes, and tenants that follow it in waves. */
import { namespaceOf } from '@cloister/tenancy';
import type { Change } from 'kube-model';
import { tenantClassSpec } from '../../operator/src/api/tenant-class.ts';
import { revisionNameOf } from '../../operator/src/class/revisions.ts';
import * as kinds from '../../operator/src/kinds.ts';
import { isReady } from '../../operator/src/status/conditions.ts';
import type { Act, Workload } from './workloads.ts';

const canary = 'canary';
const second = 'second';
const name = 'waves';
const rollout = { waveSize: 1, canary: { matchLabels: { canary: 'yes' } }, pauseSeconds: 5, unreadySeconds: 5 };
const good = { defaults: { models: { allow: ['offline/*'] } }, rollout };
const better = { ...good, defaults: { ...good.defaults, quota: { cpu: '1500m' } }, nodeSelector: { pool: 'a' } };
/** No agent may use its model any more. */
const bad = { ...good, defaults: { models: { allow: ['offline/other'] } } };

/** With an agent each. */
const tenantsOfTheClass = (...tenants: readonly string[]): readonly Act[] => [
  async ({ person }) => {
    await person.create(kinds.tenantClasses, { name }, { spec: good });
    for (const tenant of tenants)
      await person.create(
        kinds.tenants,
        { name: tenant, ...(tenant === canary && { labels: { canary: 'yes' } }) },
        { spec: { classRef: { name } } },
      );
  },
  async ({ person }) => {
    for (const tenant of tenants) await person.agent(tenant, 'support');
  },
];

const becomes =
  (spec: object): Act =>
  ({ person }) =>
    person.replaceSpec(kinds.tenantClasses, { name }, spec);

const revisionOf = (spec: object): string => revisionNameOf(name, tenantClassSpec.parse(spec));

/** The moves of tenants to a revision, in order, and which of those that were moved before were not there yet with their agents. */
function movesTo(revision: string, changes: readonly Change[]): { readonly tenant: string; readonly behind: readonly string[] }[] {
  const moved: { readonly tenant: string; readonly behind: readonly string[] }[] = [];
  const settled = new Set<string>();
  for (const { served, key, before, after } of changes) {
    const [was, is] = [before, after].map((object) => object && kinds.tenants.accept(object).status?.classRevision);
    if (is !== revision) continue;
    if (served.kind.kind === kinds.agentConfigs.kind && after && isDone(after)) settled.add(key);
    if (served.kind.kind !== kinds.tenants.kind || was === is) continue;
    const behind = moved.map(({ tenant }) => tenant).filter((tenant) => !settled.has(`${namespaceOf(tenant)}/support`));
    moved.push({ tenant: key, behind });
  }
  return moved;
}

const isDone = (agent: NonNullable<Change['after']>): boolean => {
  const { metadata, status } = kinds.agentConfigs.accept(agent);
  return status?.observedGeneration === metadata.generation && isReady(status?.conditions);
};

/** Each tenant waits for the one before it, its agent included; the canary goes first. */
function outOfTurn(changes: readonly Change[]): string[] {
  const moved = movesTo(revisionOf(better), changes);
  const first = moved[0]?.tenant;
  return [
    ...(first === canary ? [] : [`${first ?? 'nobody'} was moved before the canary`]),
    ...moved
      .filter(({ behind }) => behind.length > 0)
      .map(({ tenant, behind }) => `${tenant} was moved while ${behind.join(', ')} was not done`),
  ];
}

const hurt = (changes: readonly Change[]): string[] =>
  movesTo(revisionOf(bad), changes)
    .filter(({ tenant }) => tenant !== canary)
    .map(({ tenant }) => `tenant ${tenant} was moved to what stopped the canary`);

export const rollouts: readonly Workload[] = [
  {
    name: 'a class changes, and its tenants follow in waves',
    before: tenantsOfTheClass(canary, second, 'third'),
    acts: [becomes(better)],
    problemsIn: outOfTurn,
  },
  {
    name: 'a change of a class stops at the canary, and is taken back',
    before: tenantsOfTheClass(canary, second),
    acts: [becomes(bad), becomes(good)],
    problemsIn: hurt,
  },
];
