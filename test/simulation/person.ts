/** What a person with kubectl does to the world. */
import { namespaceOf } from '@cloister/tenancy';
import { type BaseObject, type Kind } from 'kube-runtime';
import * as kinds from '../../operator/src/kinds.ts';
import type { World } from './world.ts';

const price = { inputPerMillion: 1, outputPerMillion: 1 };
export const modelsNamed = (...names: readonly string[]): object[] =>
  names.map((name) => ({ name, contextWindow: 1000, maxOutputTokens: 100, price }));

/** Of the provider that everybody uses, and of the class of those who name none. */
export const offlineSpec = { type: 'Offline', models: modelsNamed('echo', 'other') } as const;
export const starterSpec = {
  default: true,
  defaults: { models: { allow: ['offline/*'] } },
  ceilings: { quota: { cpu: 4, pods: 30 } },
} as const;

export class Person {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  async create(of: Kind<BaseObject>, metadata: object, rest: object = {}): Promise<void> {
    const namespace: unknown = Reflect.get(metadata, 'namespace');
    const group = of.apiVersion.includes('/') ? `/apis/${of.apiVersion}` : `/api/${of.apiVersion}`;
    const path = typeof namespace === 'string' ? `${group}/namespaces/${namespace}/${of.plural}` : `${group}/${of.plural}`;
    const body = { apiVersion: of.apiVersion, kind: of.kind, metadata, ...rest };
    await this.#world.administrator.request({ method: 'POST', path, body });
  }

  tenant(name: string, spec: object = {}): Promise<void> {
    return this.create(kinds.tenants, { name }, { spec });
  }

  agent(tenant: string, name: string, spec: object = {}): Promise<void> {
    return this.create(kinds.agentConfigs, { name, namespace: namespaceOf(tenant) }, { spec: { model: 'offline/echo', ...spec } });
  }

  async editTenant(name: string, spec: object): Promise<void> {
    await this.#world.administrator.patch(kinds.tenants, { name }, { spec });
  }

  async editAgent(tenant: string, name: string, spec: object): Promise<void> {
    await this.#world.administrator.patch(kinds.agentConfigs, { name, namespace: namespaceOf(tenant) }, { spec });
  }

  async edit(of: Kind<BaseObject>, key: { name: string; namespace?: string }, patch: Record<string, unknown>): Promise<void> {
    await this.#world.administrator.patch(of, key, patch);
  }

  /** As `kubectl delete`: what is not there is gone already. */
  async remove(of: Kind<BaseObject>, key: { name: string; namespace?: string }): Promise<void> {
    await this.#world.administrator.delete(of, key);
  }

  /** As `kubectl delete --cascade=orphan`. */
  async orphan(of: Kind<BaseObject>, key: { name: string; namespace?: string }): Promise<void> {
    await this.#world.administrator.delete(of, key, { propagation: 'Orphan' });
  }

  /** As `kubectl apply` of a whole spec: fields that it does not name go. */
  async replaceSpec(of: Kind<BaseObject>, key: { name: string; namespace?: string }, spec: object): Promise<void> {
    await this.#world.administrator.patch(of, key, [{ op: 'replace', path: '/spec', value: spec }]);
  }

  /** A provider, two classes, and a tenant that has its own of both, which nothing that others do may touch. */
  async settleIn(): Promise<void> {
    await this.create(kinds.modelProviders, { name: 'offline' }, { spec: offlineSpec });
    await this.create(
      kinds.modelProviders,
      { name: 'quiet' },
      { spec: { type: 'Offline', models: modelsNamed('echo'), tenants: { names: [bystander] } } },
    );
    await this.create(kinds.tenantClasses, { name: 'starter' }, { spec: starterSpec });
    await this.create(kinds.tenantClasses, { name: 'gold' }, { spec: { defaults: { ...starterSpec.defaults, quota: { cpu: 8 } } } });
    await this.create(kinds.tenantClasses, { name: 'quiet' }, { spec: { defaults: { models: { allow: ['quiet/*'] } } } });
    await this.tenant(bystander, { classRef: { name: 'quiet' }, owners: [{ kind: 'User', name: 'bea', role: 'owner' }] });
  }

  /** An agent for the bystander, once it has its namespace. */
  async settleAgent(): Promise<void> {
    await this.agent(bystander, 'support', { model: 'quiet/echo' });
  }
}

export const bystander = 'bystander';
