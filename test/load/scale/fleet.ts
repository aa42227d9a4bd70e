/** Tenants and agents as their owners would apply them: a tenant, and its agents as soon as its namespace is there. */
import { apiVersion, labels, namespaceOf } from '@cloister/tenancy';
import { kind, type Cluster, type Condition, type Resource } from 'kube-runtime';
import { setTimeout as pause } from 'node:timers/promises';

interface TenantStatus {
  readonly agents?: number;
  readonly agentsReady?: number;
  readonly conditions?: readonly Condition[];
}

export const tenants = kind<Resource<unknown, TenantStatus>>(apiVersion, 'Tenant', { namespaced: false });
export const agentConfigs = kind<Resource<unknown>>(apiVersion, 'AgentConfig');
const classes = kind<Resource<unknown>>(apiVersion, 'TenantClass', { namespaced: false });
const providers = kind<Resource<unknown>>(apiVersion, 'ModelProvider', { namespaced: false });
const namespaceObjects = kind('v1', 'Namespace');
const nodes = kind('v1', 'Node');
const configMaps = kind<Resource<unknown> & { readonly data?: Readonly<Record<string, string>> }>('v1', 'ConfigMap');

export const agentsPerTenant = 3;
export const agentNames = (count: number = agentsPerTenant): string[] => Array.from({ length: count }, (_, index) => `agent-${index + 1}`);

/** So many requests of ours are under way at once in a burst. */
const inFlight = 32;

export class Fleet {
  readonly #client: Cluster;
  readonly #wanted = new Map<string, number>();
  /** Milliseconds since the epoch at which a tenant was first seen Ready with all of its agents. */
  readonly #readyAt = new Map<string, number>();

  constructor(client: Cluster) {
    this.#client = client;
  }

  /** Nodes that take any number of pods, a provider, and a default class. */
  async prepare(nodeCount: number): Promise<void> {
    for (let index = 0; index < nodeCount; index++) await this.#node(`fake-${index}`);
    const price = { inputPerMillion: 1, outputPerMillion: 1 };
    const models = ['echo', 'other'].map((name) => ({ name, contextWindow: 1000, maxOutputTokens: 100, price }));
    await this.#client.apply(providers, { metadata: { name: 'offline' }, spec: { type: 'Offline', models } });
    const defaults = { models: { allow: ['offline/*'] }, quota: { cpu: '20', memory: '100Gi', pods: 500, agents: 100 } };
    await this.#client.apply(classes, { metadata: { name: 'standard' }, spec: { default: true, defaults } });
    await this.#watch();
  }

  /** Applies tenants with their agents, so many a second, and waits until all are Ready. Returns how long that took, in milliseconds. */
  async apply(names: readonly string[], perSecond = Infinity, agents = agentsPerTenant): Promise<number> {
    for (const name of names) this.#wanted.set(name, agents);
    const begun = performance.now();
    await this.#paced(names, perSecond, (name) =>
      this.#client.create(tenants, { metadata: { name }, spec: { displayName: `Tenant ${name}` } }),
    );
    while (names.some((name) => !this.#readyAt.has(name))) await pause(50);
    return performance.now() - begun;
  }

  get ready(): number {
    return this.#readyAt.size;
  }

  /** Changes an agent so that it must be rolled out. */
  async edit(tenant: string, agent: string, text: string): Promise<void> {
    await this.#client.patch(agentConfigs, { name: agent, namespace: namespaceOf(tenant) }, { spec: { instructions: text } });
  }

  /** Changes an agent so that it must be looked at, and nothing that runs. */
  async touch(tenant: string, agent: string, text: string): Promise<void> {
    const metadata = { annotations: { 'bench/touched': text } };
    await this.#client.patch(agentConfigs, { name: agent, namespace: namespaceOf(tenant) }, { metadata });
  }

  /** Changes something of which Cloister knows nothing, instead. */
  async foreign(_: string, name: string, text: string): Promise<void> {
    await this.#client.apply(configMaps, { metadata: { name, namespace: 'default' }, data: { text } });
  }

  /** Asks for a tenant's deletion. */
  async delete(name: string): Promise<void> {
    await this.#client.delete(tenants, { name });
  }

  async exists(name: string): Promise<boolean> {
    return (await this.#client.get(tenants, { name })) !== undefined;
  }

  /** One after the other at a pace, however long each takes; or as many at once as is decent. */
  async #paced<T>(items: readonly T[], perSecond: number, act: (item: T) => Promise<unknown>): Promise<void> {
    if (perSecond === Infinity) return inParallel(items, inFlight, act);
    const begun = performance.now();
    const running = items.map(async (item, index) => {
      await pause(Math.max(0, (index / perSecond) * 1000 - (performance.now() - begun)));
      await act(item);
    });
    await Promise.all(running);
  }

  async #watch(): Promise<void> {
    const homes = this.#client.informer(namespaceObjects, { labelSelector: labels.tenant, metadataOnly: true });
    homes.onChange(({ type, object }) => {
      const name = object.metadata.labels?.[labels.tenant] ?? '';
      if (type === 'added') void this.#applyAgents(name);
    });
    const all = this.#client.informer(tenants);
    all.onChange(({ type, object: { metadata, status } }) => {
      if (type === 'deleted') this.#readyAt.delete(metadata.name);
      else if (status?.agentsReady === this.#wanted.get(metadata.name) && isReady(status)) this.#noteReady(metadata.name);
    });
    this.#client.startInformers();
    await Promise.all([homes.whenSynced(), all.whenSynced()]);
  }

  #noteReady(name: string): void {
    if (!this.#readyAt.has(name)) this.#readyAt.set(name, Date.now());
  }

  async #applyAgents(tenant: string): Promise<void> {
    const namespace = namespaceOf(tenant);
    await Promise.all(
      agentNames(this.#wanted.get(tenant)).map((name) =>
        this.#client.create(agentConfigs, { metadata: { name, namespace }, spec: { model: 'offline/echo' } }),
      ),
    );
  }

  async #node(name: string): Promise<void> {
    const room = { cpu: '10000', memory: '100Ti', pods: '10000' };
    await this.#client.create(nodes, { metadata: { name, annotations: { 'kwok.x-k8s.io/node': 'fake' } } });
    await this.#client.patch(nodes, { name }, { status: { capacity: room, allocatable: room } }, { subresource: 'status' });
  }
}

const isReady = (tenant: TenantStatus | undefined): boolean =>
  tenant?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;

export async function inParallel<T>(items: readonly T[], workers: number, act: (item: T) => Promise<unknown>): Promise<void> {
  const left = items.values();
  await Promise.all(
    Array.from({ length: workers }, async () => {
      for (const item of left) await act(item);
    }),
  );
}
