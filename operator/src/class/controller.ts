/** What wakes a class, and what is done then. */
import { labels, namespaceOf } from '@cloister/tenancy';
import { controller, findCondition, generationChanged, specChanged, type Change, type Controller, type ObjectKey } from 'kube-runtime';
import { tenantClassSpec } from '../api/tenant-class.ts';
import { agentConfigs, controllerRevisions, tenantClasses, tenants, type AgentConfig, type Tenant } from '../kinds.ts';
import { everything } from '../scopes.ts';
import { isReady } from '../status/conditions.ts';
import { namedClassOf } from './members.ts';
import { reconcileClass, type ClassParts } from './reconcile.ts';

/** While a thousand tenants move, each of them wakes its class; it looks at all of them only so often. */
const pauseMs = 200;

export function classController(parts: ClassParts): Controller {
  const { caches, configuration } = parts;
  const lastRuns = new Map<string, number>();
  const everyClass = (): ObjectKey[] => caches.tenantClasses.heads().map(({ name }) => ({ name }));
  return controller('class')
    .for(tenantClasses, { ...everything, when: specChanged })
    .owns(controllerRevisions, { namespace: configuration.systemNamespace, labelSelector: labels.tenantClass })
    .watches(tenantClasses, everyClass, { ...everything, when: specChanged })
    .watches(tenants, classesOf, { ...everything, when: tenantMatters })
    .watches(agentConfigs, ({ metadata }) => rollingClassOf(metadata.namespace), { ...everything, when: agentMatters })
    .gone(({ name }) => {
      lastRuns.delete(name);
      return Promise.resolve();
    })
    .reconcile(async (context) => {
      const wait = (lastRuns.get(context.name) ?? -Infinity) + pauseMs - performance.now();
      if (wait > 0) return { postponedFor: wait };
      lastRuns.set(context.name, performance.now());
      return reconcileClass(context, parts);
    });

  function classesOf(tenant: Tenant): ObjectKey[] {
    const [named] = namedClassOf(tenant);
    if (named === undefined) return [];
    if (named !== '') return [{ name: named }];
    return caches.tenantClasses
      .list()
      .filter(({ spec }) => tenantClassSpec.safeParse(spec).data?.default)
      .map(({ metadata }) => ({ name: metadata.name }));
  }

  /** Agents matter to a class while a wave waits for them. */
  function rollingClassOf(namespace: string | undefined): ObjectKey[] {
    const prefix = namespaceOf('');
    if (!namespace?.startsWith(prefix)) return [];
    const name = caches.tenants.get({ name: namespace.slice(prefix.length) })?.status?.class;
    return name !== undefined && caches.tenantClasses.get({ name })?.status?.rollout ? [{ name }] : [];
  }
}

/** Of a tenant's status: which revision it is on, and whether it is Ready. */
const tenantMatters = (change: Change<Tenant>): boolean => specChanged(change) || digest(change.object) !== digest(change.previous);
const digest = (tenant: Tenant | undefined): string => {
  const ready = findCondition(tenant?.status?.conditions, 'Ready');
  return JSON.stringify([tenant?.status?.classRevision, tenant?.status?.observedGeneration, ready?.status, ready?.lastTransitionTime]);
};

const agentMatters = (change: Change<AgentConfig>): boolean =>
  generationChanged(change) || progress(change.object) !== progress(change.previous);
const progress = (agent: AgentConfig | undefined): string =>
  JSON.stringify([agent?.status?.classRevision, agent?.status?.observedGeneration, isReady(agent?.status?.conditions)]);
