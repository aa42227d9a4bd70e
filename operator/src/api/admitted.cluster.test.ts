/**
 * What the API server admits can be brought about: it fits the schema that the operator reads it with, the documents made from it fit those that edge,
 * egress and agents read them with, and every object made from it is accepted. Found by specs made at random from the schemas, without storing any.
 */
import { apiVersion, parseDocument, providerDocument, tenantAccess, tenantPolicy, agentDocument } from '@cloister/tenancy';
import fc from 'fast-check';
import { kind, KubeError, pathOf, type Cluster } from 'kube-runtime';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { agentDocumentOf } from '../agent/children/document.ts';
import { podTemplate } from '../agent/children/pod.ts';
import { childrenOf, planOf } from '../agent/plan.ts';
import { landlord, snapshot as agentSnapshot } from '../agent/snapshot.fixture.ts';
import type { Child } from '../child.ts';
import * as kinds from '../kinds.ts';
import { providerDocumentOf } from '../provider/document.ts';
import { namespaceChild } from '../tenant/children/namespace.ts';
import { serviceAccount } from '../tenant/children/service-account.ts';
import { tenantAccessOf } from '../tenant/children/access.ts';
import { tenantPolicyOf } from '../tenant/children/policy.ts';
import { wantedOf } from '../tenant/plan.ts';
import { classNamed, snapshot as tenantSnapshot } from '../tenant/snapshot.fixture.ts';
import { connectTestCluster, installResources } from '../testing/cluster.fixture.ts';
import { specOf } from '../testing/spec.arbitrary.ts';
import { agentConfigSpec } from './agent-config.ts';
import { modelProviderSpec, type ModelProviderSpec } from './model-provider.ts';
import { agentConfigResource, modelProviderResource, tenantClassResource, tenantResource } from './resources.ts';
import { tenantClassSpec } from './tenant-class.ts';
import { tenantSpec } from './tenant.ts';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await connectTestCluster();
  await installResources(cluster);
  for (const name of ['cloister-system', 'cloister-access', 'cloister-own-keys'])
    await cluster.apply(kinds.namespaceKind, { metadata: { name } });
  await cluster.apply(kinds.namespaceKind, namespaceChild(tenantSnapshot()).desired);
  await cluster.apply(kinds.serviceAccounts, serviceAccount(tenantSnapshot()).desired);
});
afterAll(async () => {
  await cluster.delete(kinds.namespaceKind, { name: 'tenant-acme' });
  await cluster.close();
});

const dryRun = { dryRun: 'All' };
const stored = z.looseObject({ spec: z.unknown() });

/** The spec as the API server would store it, defaults filled in; undefined where it is refused. */
async function admitted(plural: string, kindName: string, spec: unknown): Promise<unknown> {
  const path = `/apis/${apiVersion}/${plural}`;
  try {
    const body = { apiVersion, kind: kindName, metadata: { name: 'acme' }, spec };
    return stored.parse(await cluster.request({ method: 'POST', path, query: dryRun, body })).spec;
  } catch (error) {
    if (error instanceof KubeError && error.status === 422) return undefined;
    throw error;
  }
}

/** What the API server has against objects, in its own words. */
async function refusals(children: readonly Child[]): Promise<string[]> {
  const answers = await Promise.all(children.map(({ kind: of, desired }) => refusalOf(of, desired)));
  return answers.flatMap((answer) => answer ?? []);
}

async function refusalOf(of: Child['kind'], desired: Child['desired']): Promise<string | undefined> {
  const body = { apiVersion: of.apiVersion, kind: of.kind, ...desired };
  const query = { ...dryRun, fieldManager: 'cloister-operator', force: true };
  return told(
    cluster.request({ method: 'PATCH', path: pathOf(of, desired.metadata), query, contentType: 'application/apply-patch+yaml', body }),
  );
}

async function told(request: Promise<unknown>): Promise<string | undefined> {
  try {
    await request;
    return undefined;
  } catch (error) {
    if (error instanceof KubeError) return error.message;
    throw error;
  }
}

/** As the ReplicaSet controller would make it. Whether a RuntimeClass is there is for its administrator. */
function podRefusal(template: ReturnType<typeof podTemplate>): Promise<string | undefined> {
  const { runtimeClassName: _, ...spec } = { runtimeClassName: undefined, ...template.spec };
  const path = pathOf(kind('v1', 'Pod'), { namespace: 'tenant-acme' });
  const metadata = { ...template.metadata, name: 'of-the-agent', namespace: 'tenant-acme' };
  return told(cluster.request({ method: 'POST', path, query: dryRun, body: { apiVersion: 'v1', kind: 'Pod', metadata, spec } }));
}

const parsed = <T>(schema: z.ZodType<T>, spec: unknown): T => {
  const result = schema.safeParse(spec);
  if (!result.success) throw new Error(`admitted, but not understood: ${JSON.stringify(spec)}: ${result.error.message}`);
  return result.data;
};

const runs = { seed: 42, numRuns: 150 };
/** A test in which next to nothing was admitted would prove nothing. */
const leastAdmitted = 15;

const asDocument = (value: unknown): string => JSON.stringify(value);

test('every Tenant, of every class', { timeout: 300_000 }, async () => {
  let count = 0;
  const both = fc.tuple(specOf(tenantResource), specOf(tenantClassResource));
  await fc.assert(
    fc.asyncProperty(both, async ([wish, tier]) => {
      const [spec, classSpec] = await Promise.all([admitted('tenants', 'Tenant', wish), admitted('tenantclasses', 'TenantClass', tier)]);
      const tenantClass = classSpec === undefined ? {} : parsed(tenantClassSpec, classSpec);
      if (spec === undefined) return;
      count += 1;
      parsed(tenantSpec, spec);
      const given = { spec: Object(spec) as object, classes: [classNamed('acme', tenantClass)], namespace: undefined };
      const host = parsed(tenantSpec, spec).network?.host;
      const seen = tenantSnapshot({
        ...given,
        ...(host !== undefined && { host }),
        sharedSecret: { state: 'usable', value: 's'.repeat(32) },
      });
      expect(await refusals(wantedOf(seen))).toEqual([]);
      parseDocument(tenantAccess, 'access', asDocument(tenantAccessOf(seen)));
      parseDocument(tenantPolicy, 'policy', asDocument(tenantPolicyOf(seen)));
    }),
    runs,
  );
  console.log(`admitted: ${count}`);
  expect(count).toBeGreaterThan(leastAdmitted);
});

test('every AgentConfig, placed by every class', { timeout: 300_000 }, async () => {
  const count = { agents: 0, classes: 0 };
  const both = fc.tuple(specOf(agentConfigResource), specOf(tenantClassResource));
  await fc.assert(
    fc.asyncProperty(both, async ([wish, tier]) => {
      const path = 'namespaces/tenant-acme/agentconfigs';
      const [spec, classSpec] = await Promise.all([admitted(path, 'AgentConfig', wish), admitted('tenantclasses', 'TenantClass', tier)]);
      if (classSpec !== undefined) count.classes += 1;
      if (spec !== undefined) count.agents += 1;
      if (spec === undefined && classSpec === undefined) return;
      const placement = classNamed('acme', classSpec === undefined ? {} : parsed(tenantClassSpec, classSpec));
      const seen = agentSnapshot({ landlord: landlord({ classRef: { name: 'acme' } }, [placement]) });
      const planned = planOf({ ...seen, spec: spec === undefined ? seen.spec : parsed(agentConfigSpec, spec) });
      if (!planned) throw new Error('this snapshot makes no plan');
      expect([...(await refusals(childrenOf(planned).flat())), ...[await podRefusal(podTemplate(planned))].filter(Boolean)]).toEqual([]);
      parseDocument(agentDocument, 'agent', asDocument(agentDocumentOf(planned)));
    }),
    runs,
  );
  console.log(`admitted: ${JSON.stringify(count)}`);
  expect(count.agents).toBeGreaterThan(leastAdmitted);
  expect(count.classes).toBeGreaterThan(leastAdmitted);
});

/** Those that need most other fields, and so are admitted least, are wished for most. */
const demanding = fc.constantFrom<ModelProviderSpec['type'] | undefined>('Anthropic', 'AzureOpenAI', 'Bedrock', undefined);
const providerWish = fc
  .tuple(specOf(modelProviderResource), demanding)
  .map(([spec, type]) => (type === undefined ? spec : Object.assign({}, spec, { type })));

test('every ModelProvider', { timeout: 300_000 }, async () => {
  const count: Partial<Record<ModelProviderSpec['type'], number>> = {};
  await fc.assert(
    fc.asyncProperty(providerWish, async (wish) => {
      const spec = await admitted('modelproviders', 'ModelProvider', wish);
      if (spec === undefined) return;
      const provider = parsed(modelProviderSpec, spec);
      count[provider.type] = (count[provider.type] ?? 0) + 1;
      parseDocument(providerDocument, 'provider', asDocument(providerDocumentOf('acme', provider)));
    }),
    { ...runs, numRuns: 2000 }, // many of them have a number or a field that is at odds with another
  );
  console.log(`admitted: ${JSON.stringify(count)}`);
  expect(Object.keys(count).sort()).toEqual([...modelProviderSpec.shape.type.options].sort());
  expect(Object.values(count).reduce((sum, one) => sum + one, 0)).toBeGreaterThan(leastAdmitted);
});

test('every time zone that this program knows is one to the API server', { timeout: 300_000 }, async () => {
  const zones = Intl.supportedValuesOf('timeZone');
  const refused: string[] = [];
  // Some at a time: all at once would overtax the API server, which is told to refuse what it cannot answer in time.
  for (let first = 0; first < zones.length; first += 8)
    await Promise.all(
      zones.slice(first, first + 8).map(async (timeZone) => {
        if ((await admitted('tenants', 'Tenant', { budget: { timeZone } })) === undefined) refused.push(timeZone);
      }),
    );
  expect(refused).toEqual([]);
  expect(zones.length).toBeGreaterThan(400);
});
