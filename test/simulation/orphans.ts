/** AgentConfigs that are deleted without what was made for them. */
import { labels } from '@cloister/tenancy';
import type { Change } from 'kube-model';
import * as kinds from '../../operator/src/kinds.ts';
import { acme, namespace } from './acme.ts';
import type { Act, Scene, Workload } from './workloads.ts';

const support = { name: 'support', namespace };
/** With one of each kind that is ever made for an agent. */
const ranged: Act = ({ person }) => person.agent('acme', 'support', { scaling: { min: 2, max: 3 } });
const orphan: Act = ({ person }) => person.orphan(kinds.agentConfigs, support);

const made = [kinds.horizontalPodAutoscalers, kinds.deployments, kinds.services, kinds.podDisruptionBudgets, kinds.configMaps];

/** As the garbage collector does for `--cascade=orphan`, and at once. */
async function letGo({ person, world }: Scene): Promise<void> {
  const theirs = world.server.objects().filter(({ metadata }) => metadata.labels?.[labels.agent] === 'support');
  for (const { kind, metadata } of theirs.filter((one) => one.metadata.namespace === namespace)) {
    const known = made.find((one) => one.kind === kind);
    if (known) await person.edit(known, { name: metadata.name, namespace }, { metadata: { ownerReferences: null } });
  }
}

/** Orphaned, and made again before anybody could see to what it left. */
async function replaceAtOnce(scene: Scene, spec: object): Promise<void> {
  await letGo(scene);
  await scene.person.remove(kinds.agentConfigs, support);
  await scene.person.agent('acme', 'support', spec);
}

/** Objects that bear the agent's label, as they were written last. */
function theirsAtTheEnd(changes: readonly Change[]): string[] {
  const latest = new Map(changes.map(({ served, key, after }) => [`${served.kind.kind} ${key}`, after]));
  return [...latest]
    .filter(([, object]) => object?.metadata.namespace === namespace && object.metadata.labels?.[labels.agent] === 'support')
    .map(([what]) => what);
}

const leftAtTheEnd = (changes: readonly Change[]): string[] => theirsAtTheEnd(changes).map((what) => `${what} is left`);

const moreThanOneDocument = (changes: readonly Change[]): string[] =>
  theirsAtTheEnd(changes)
    .filter((what) => what.startsWith('ConfigMap '))
    .slice(1)
    .map((what) => `${what} is one document too many`);

export const orphans: readonly Workload[] = [
  { name: 'an agent is orphaned', before: [acme, ranged], acts: [orphan], problemsIn: leftAtTheEnd },
  {
    name: 'an orphaned agent is made again',
    before: [acme, ranged],
    acts: [(scene) => replaceAtOnce(scene, { instructions: 'Be brief.' })],
    problemsIn: moreThanOneDocument,
  },
  {
    name: 'an orphaned agent is made again in vain',
    before: [acme, ranged],
    acts: [(scene) => replaceAtOnce(scene, { model: 'offline/none' })],
    problemsIn: leftAtTheEnd,
  },
  {
    name: 'what an agent has lost is archived',
    before: [acme, ranged],
    acts: [
      async (scene) => {
        await letGo(scene);
        await scene.person.editTenant('acme', { state: 'Archived' });
      },
    ],
    problemsIn: leftAtTheEnd,
  },
];
