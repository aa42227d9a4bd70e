/**
 * What people do to tenants all day, chosen by a seed: made, edited, suspended and woken, deleted and made again; agents likewise.
 * The same seed gives the same steps, so that a run under faults can be held against one without.
 */
import type { Random } from './random.ts';

export type Spec = Readonly<Record<string, unknown>>;

export type Step =
  | { readonly what: 'tenant'; readonly tenant: string; readonly spec: Spec }
  | { readonly what: 'delete tenant'; readonly tenant: string }
  | { readonly what: 'agent'; readonly tenant: string; readonly agent: string; readonly spec: Spec }
  | { readonly what: 'delete agent'; readonly tenant: string; readonly agent: string };

export interface WorkloadOptions {
  readonly random: Random;
  /** Names of the tenants to work on. */
  readonly tenants: readonly string[];
  readonly className: string;
  readonly model: string;
}

interface Kept {
  readonly spec: Spec;
  readonly agents: Map<string, Spec>;
}

const agentNames = ['support', 'sales'] as const;

/** So that a node of two processors has room for all agents, and for those that take their places. */
export const smallRequests = { requests: { cpu: '10m' } } as const;

/** Knows what there should be by now, and so what can be done next. */
export class Workload {
  readonly #options: WorkloadOptions;
  readonly #kept = new Map<string, Kept>();

  constructor(options: WorkloadOptions) {
    this.#options = options;
  }

  /** Tenants there should be. */
  get tenants(): readonly string[] {
    return [...this.#kept.keys()].sort();
  }

  next(): Step {
    const { random, tenants } = this.#options;
    const tenant = random.pick(tenants);
    const kept = this.#kept.get(tenant);
    if (!kept) return this.#tenant(tenant, this.#tenantSpec());
    const chance = random.next();
    if (chance < 0.12) return this.#deleteTenant(tenant);
    if (chance < 0.45) return this.#tenant(tenant, { ...kept.spec, ...this.#tenantSpec() });
    const agent = random.pick(agentNames);
    if (chance < 0.55 && kept.agents.has(agent)) return this.#deleteAgent(tenant, agent);
    return this.#agent(tenant, agent);
  }

  #tenantSpec(): Spec {
    const { random, className } = this.#options;
    return {
      classRef: { name: className },
      displayName: `number ${random.between(1, 1000)}`,
      state: random.next() < 0.15 ? 'Suspended' : 'Active',
      quota: { pods: random.between(10, 20), memory: `${random.between(4, 8)}Gi` },
      owners: random.next() < 0.5 ? [] : [{ kind: 'User', name: `jane-${random.between(1, 3)}@example.com`, role: 'editor' }],
    };
  }

  #tenant(tenant: string, spec: Spec): Step {
    this.#kept.set(tenant, { spec, agents: this.#kept.get(tenant)?.agents ?? new Map<string, Spec>() });
    return { what: 'tenant', tenant, spec };
  }

  #deleteTenant(tenant: string): Step {
    this.#kept.delete(tenant);
    return { what: 'delete tenant', tenant };
  }

  #agent(tenant: string, agent: string): Step {
    const { random, model } = this.#options;
    const spec = {
      model,
      instructions: `Edition ${random.between(1, 1000)}.`,
      parameters: { temperature: random.between(0, 20) / 10 },
      replicas: random.between(1, 2),
      resources: smallRequests,
    };
    this.#kept.get(tenant)?.agents.set(agent, spec);
    return { what: 'agent', tenant, agent, spec };
  }

  #deleteAgent(tenant: string, agent: string): Step {
    this.#kept.get(tenant)?.agents.delete(agent);
    return { what: 'delete agent', tenant, agent };
  }
}
