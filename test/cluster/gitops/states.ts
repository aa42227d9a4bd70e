/** Objects of all four kinds in every state that they can be in, as a running operator and a real API server leave them. */
import { namespaces, namespaceOf, providerObjectName } from '@cloister/tenancy';
import { findCondition, type BaseObject, type Cluster, type Condition, type Kind, type KubeObject, type Resource } from 'kube-runtime';
import * as kinds from '../../../operator/src/kinds.ts';
import { frozen } from '../../../operator/src/testing/controllers.double.ts';
import { connectTestCluster } from '../../../operator/src/testing/cluster.fixture.ts';
import type { RunningOperator } from '../../../operator/src/testing/operator.fixture.ts';
import type { TenantWorld } from '../../../operator/src/testing/tenants.fixture.ts';
import { until } from '../../../operator/src/testing/until.fixture.ts';
import { Watchdog } from '../../../operator/src/watchdog/watchdog.ts';

type Judged = Resource<unknown, { readonly conditions?: readonly Condition[] | undefined }>;
interface Subject {
  readonly of: Kind<BaseObject>;
  readonly name: string;
  readonly namespace?: string;
}

/** Holds deletions back, so that objects can be looked at on their way out. */
const hold = 'test.cloister.dev/hold';
const classRef = { name: 'op-starter' };
const model = { name: 'echo', contextWindow: 1000, maxOutputTokens: 100, price: { inputPerMillion: 1, outputPerMillion: 1 } };
const provider = { type: 'Offline', models: [model] };

/** One of each kind that is Ready, and how to edit it. */
export const settled = {
  Tenant: { of: kinds.tenants, name: 'gt-ready', edit: { displayName: 'Edited' } },
  AgentConfig: { of: kinds.agentConfigs, name: 'ready', namespace: namespaceOf('gt-ready'), edit: { instructions: 'Be brief.' } },
  TenantClass: { of: kinds.tenantClasses, name: 'gt-ready', edit: { ceilings: { quota: { cpu: 3 } } } },
  ModelProvider: { of: kinds.modelProviders, name: 'gt-ready', edit: { timeoutSeconds: 61 } },
} as const;

/** One of each kind that the operator has never seen. */
export const fresh = {
  Tenant: { of: kinds.tenants, name: 'gt-new' },
  AgentConfig: { of: kinds.agentConfigs, name: 'new', namespace: namespaceOf('gt-ready') },
  TenantClass: { of: kinds.tenantClasses, name: 'gt-new' },
  ModelProvider: { of: kinds.modelProviders, name: 'gt-new' },
} as const;

export class Gallery {
  /** "Kind, state" → the object in that state. */
  readonly objects = new Map<string, KubeObject>();
  readonly #cluster: Cluster;
  readonly #world: TenantWorld;

  constructor({ cluster }: RunningOperator, world: TenantWorld) {
    this.#cluster = cluster;
    this.#world = world;
  }

  /** What a working operator makes of them. */
  async whileOperatorWorks(): Promise<void> {
    await this.#tenants();
    await this.#agents();
    await this.#archived();
    await this.#providers();
    await this.#deleting();
    await this.#rollouts();
    await this.#classes(); // last: two default classes leave tenants without one
  }

  /** What it has not seen yet. Call it while the operator is stopped. */
  async whileOperatorIsAway(): Promise<void> {
    for (const { edit, ...subject } of Object.values(settled)) {
      await this.#cluster.patch(subject.of, subject, { spec: edit });
      await this.#keep('generation ahead', subject);
    }
    await this.#world.tenant('gt-new', { classRef });
    await this.#world.agent('gt-ready', 'new');
    await this.#cluster.apply(kinds.tenantClasses, { metadata: { name: 'gt-new' }, spec: {} });
    await this.#cluster.apply(kinds.modelProviders, { metadata: { name: 'gt-new' }, spec: provider });
    for (const subject of Object.values(fresh)) await this.#keep('new', subject);
    await this.#untilBehind();
    for (const { edit: _edit, ...subject } of Object.values(settled)) await this.#keep('operator behind', subject);
    for (const subject of Object.values(fresh)) {
      await this.#keep('new, operator behind', subject);
      await this.#cluster.patch(subject.of, subject, { status: { observedGeneration: 1, conditions: null } }, { subresource: 'status' });
      await this.#keep('without conditions', subject);
    }
  }

  async remove(): Promise<void> {
    for (const name of ['gt-ready', 'gt-new', 'gt-second', 'gt-rolling']) await this.#cluster.delete(kinds.tenantClasses, { name });
    for (const name of ['gt-ready', 'gt-new', 'gt-stalled', 'gt-taken']) await this.#cluster.delete(kinds.modelProviders, { name });
    await this.#cluster.delete(kinds.configMaps, { name: providerObjectName('gt-taken'), namespace: namespaces.system });
  }

  async #tenants(): Promise<void> {
    await this.#world.tenant('gt-ready', { classRef });
    await this.#world.tenant('gt-suspended', { classRef, state: 'Suspended' });
    await this.#world.tenant('gt-stalled', { classRef, quota: { cpu: 9 } });
    await this.#world.tenant('gt-waiting', { classRef });
    for (const name of ['gt-ready', 'gt-suspended', 'gt-waiting']) await this.#world.ready(name);
    await this.#reach('ready', { of: kinds.tenants, name: 'gt-ready' }, 'Ready', 'Ready');
    await this.#reach('suspended', { of: kinds.tenants, name: 'gt-suspended' }, 'Ready', 'Suspended');
    await this.#reach('stalled', { of: kinds.tenants, name: 'gt-stalled' }, 'Stalled', 'AboveClassCeiling');
    await this.#world.agent('gt-waiting', 'stalled', { model: 'op-offline/unheard-of' });
    await this.#reach('reconciling', { of: kinds.tenants, name: 'gt-waiting' }, 'Reconciling', 'AgentsNotReady');
    await this.#world.agent('gt-stalled', 'stalled', { model: 'op-offline/unheard-of' });
    await this.#reach('stalled while agents wait', { of: kinds.tenants, name: 'gt-stalled' }, 'AgentsReady', 'AgentsNotReady', 'False');
  }

  async #agents(): Promise<void> {
    const agent = (tenant: string, name: string): Subject => ({ of: kinds.agentConfigs, name, namespace: namespaceOf(tenant) });
    await this.#world.agent('gt-ready', 'ready');
    await this.#world.agent('gt-ready', 'rolling');
    await this.#world.agent('gt-ready', 'zero', { replicas: 0 });
    await this.#world.agent('gt-suspended', 'asleep');
    await this.#reach('ready', agent('gt-ready', 'ready'), 'Ready', 'Ready');
    await this.#reach('scaled to zero', agent('gt-ready', 'zero'), 'Ready', 'ScaledToZero');
    await this.#reach('suspended', agent('gt-suspended', 'asleep'), 'Ready', 'Suspended');
    await this.#reach('stalled', agent('gt-waiting', 'stalled'), 'Stalled', 'ModelNotAllowed');
    const rolling = agent('gt-ready', 'rolling');
    await this.#world.agentReady('gt-ready', 'rolling');
    await this.#cluster.patch(kinds.deployments, rolling, { metadata: { annotations: { [frozen]: 'true' } } });
    await this.#cluster.patch(kinds.agentConfigs, rolling, { spec: { instructions: 'Be brief.' } });
    await this.#reach('reconciling', rolling, 'Reconciling', 'RollingOut');
  }

  async #archived(): Promise<void> {
    const tenant: Subject = { of: kinds.tenants, name: 'gt-archived' };
    await this.#world.tenant(tenant.name, { classRef });
    await this.#world.ready(tenant.name);
    await this.#world.agent(tenant.name, 'kept');
    await this.#world.agentReady(tenant.name, 'kept');
    await this.#cluster.patch(kinds.tenants, tenant, { spec: { state: 'Archived' } });
    await this.#reach('archived', tenant, 'Ready', 'Archived');
    await this.#reach('archived', { of: kinds.agentConfigs, name: 'kept', namespace: namespaceOf(tenant.name) }, 'Ready', 'Archived');
  }

  async #providers(): Promise<void> {
    const secretRef = { name: 'gt-nowhere', key: 'key' };
    const taken = { name: providerObjectName('gt-taken'), namespace: namespaces.system };
    const owner = { apiVersion: 'v1', kind: 'Node', name: 'somebody', uid: 'somebody', controller: true };
    await this.#cluster.apply(kinds.configMaps, { metadata: { ...taken, ownerReferences: [owner] } });
    for (const [name, spec] of [
      ['gt-ready', provider],
      ['gt-taken', provider],
      ['gt-stalled', { type: 'OpenAI', credentials: { secretRef }, models: [model] }],
    ] as const) {
      await this.#cluster.apply(kinds.modelProviders, { metadata: { name }, spec });
    }
    await this.#reach('ready', { of: kinds.modelProviders, name: 'gt-ready' }, 'Ready', 'Ready');
    await this.#reach('reconciling', { of: kinds.modelProviders, name: 'gt-taken' }, 'Reconciling', 'ApplyFailed');
    await this.#reach('stalled', { of: kinds.modelProviders, name: 'gt-stalled' }, 'Stalled', 'SecretMissing');
  }

  /** A rollout that waits between two waves, one that is held, and one that does harm. */
  async #rollouts(): Promise<void> {
    const rolling: Subject = { of: kinds.tenantClasses, name: 'gt-rolling' };
    const rollout = { waveSize: 1, pauseSeconds: 3600, unreadySeconds: 1 };
    const models = (name: string) => ({ models: { allow: [`op-offline/${name}`] } });
    await this.#cluster.apply(kinds.tenantClasses, { metadata: { name: rolling.name }, spec: { defaults: models('echo'), rollout } });
    for (const name of ['gt-first', 'gt-next']) {
      await this.#world.tenant(name, { classRef: { name: rolling.name } });
      await this.#world.ready(name);
      await this.#world.agent(name, 'support');
      await this.#world.agentReady(name, 'support');
    }
    const edit = (spec: object) => this.#cluster.patch(kinds.tenantClasses, rolling, { spec });
    await edit({ defaults: { quota: { cpu: 1 } } });
    await this.#reach('reconciling', rolling, 'Reconciling', 'WavePause');
    await edit({ rollout: { paused: true } });
    await this.#reach('paused', rolling, 'Reconciling', 'RolloutPaused');
    await edit({ defaults: models('other'), rollout: { paused: false } });
    await this.#reach('rollout stopped', rolling, 'Stalled', 'RolloutStopped');
  }

  /** What the watchdog of an operator that does nothing else makes of them. */
  async #untilBehind(): Promise<void> {
    const cluster = await connectTestCluster();
    const watched = Object.values(fresh).map(({ of, ...key }) => ({
      key,
      kind: of,
      informer: cluster.informer(of as Kind<Judged>),
    }));
    const watchdog = new Watchdog({ cluster, kinds: watched, limit: 0 });
    cluster.startInformers();
    await Promise.all(watched.map(({ informer }) => informer.whenSynced()));
    await watchdog.look();
    await cluster.close();
  }

  async #classes(): Promise<void> {
    const [first, second] = ['gt-ready', 'gt-second'].map((name): Subject => ({ of: kinds.tenantClasses, name }));
    await this.#cluster.apply(kinds.tenantClasses, { metadata: { name: 'gt-ready' }, spec: {} });
    if (first) await this.#reach('ready', first, 'Ready', 'Ready');
    await this.#cluster.apply(kinds.tenantClasses, { metadata: { name: 'gt-second' }, spec: { default: true } });
    if (second) await this.#reach('stalled', second, 'Stalled', 'SeveralDefaults');
    await this.#cluster.delete(kinds.tenantClasses, { name: 'gt-second' });
  }

  /** Each keeps the conditions that it had, Ready among them, but for a Tenant, which tells what it waits for. */
  async #deleting(): Promise<void> {
    const finalizers = [hold];
    await this.#cluster.create(kinds.tenants, { metadata: { name: 'gt-going', finalizers }, spec: { classRef } });
    await this.#world.ready('gt-going');
    await this.#cluster.create(kinds.tenantClasses, { metadata: { name: 'gt-going', finalizers }, spec: {} });
    await this.#cluster.create(kinds.modelProviders, { metadata: { name: 'gt-going', finalizers }, spec: provider });
    const namespace = namespaceOf('gt-ready');
    await this.#cluster.create(kinds.agentConfigs, {
      metadata: { name: 'going', namespace, finalizers },
      spec: { model: 'op-offline/echo' },
    });
    const going: readonly Subject[] = [
      { of: kinds.tenants, name: 'gt-going' },
      { of: kinds.tenantClasses, name: 'gt-going' },
      { of: kinds.modelProviders, name: 'gt-going' },
      { of: kinds.agentConfigs, name: 'going', namespace },
    ];
    for (const subject of going) {
      await this.#seen(subject, 'Ready', 'Ready');
      await this.#cluster.delete(subject.of, subject);
      if (subject.of.kind === 'Tenant') await this.#seen(subject, 'Ready', 'Deleting');
      await this.#keep('deleting', subject);
      await this.#cluster.patch(subject.of, subject, { metadata: { finalizers: null } });
    }
    await this.#world.gone('gt-going');
  }

  async #reach(state: string, subject: Subject, type: string, reason: string, status: 'True' | 'False' = 'True'): Promise<void> {
    this.#put(state, await this.#seen(subject, type, reason, status));
  }

  #seen({ of, ...key }: Subject, type: string, reason: string, status: 'True' | 'False' = 'True'): Promise<BaseObject> {
    return until(`${of.kind} ${key.name} to be ${type} for ${reason}`, async () => {
      const object = await this.#cluster.get<Judged>(of as Kind<Judged>, key); // every kind of ours has conditions
      const condition = findCondition(object?.status?.conditions, type);
      return condition?.status === status || reason === 'Deleting' ? condition?.reason === reason && object : false;
    });
  }

  async #keep(state: string, { of, ...key }: Subject): Promise<void> {
    this.#put(state, await this.#cluster.get(of, key));
  }

  #put(state: string, object: BaseObject | undefined): void {
    if (!object) throw new Error(`there is no object for state "${state}"`);
    this.objects.set(`${object.kind ?? ''}, ${state}`, { ...object });
  }
}
