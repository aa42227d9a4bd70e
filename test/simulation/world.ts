/**
 * Everything that is not the operator: the API server, Kubernetes' own controllers, Postgres and Redis, a person with kubectl, and time.
 *
 * Nothing happens by itself. `calm` chooses what is next, by the seed, among: a watch brings events; one of Kubernetes' controllers does one
 * thing; time goes on to the next timer. So a run follows from workload, faults and seed.
 */
import { makeAuthority } from '@cloister/certificates';
import { namespaces, type TenantsUsage } from '@cloister/tenancy';
import { connectTo, type ApiRequest, type Cluster } from 'kube-runtime';
import { ModelApiServer, type Change, type StoredObject } from 'kube-model';
import { parseConfiguration, type Configuration } from '../../operator/src/settings.ts';
import { DataServersDouble } from './data-servers.double.ts';
import { OperatorProcess, operatorUser, type Call, type Lag, type Mishap } from './operator-process.ts';
import type { SeededRandom } from './random.ts';
import { forbiddenByRoles, rightsFor } from './rights.ts';
import { servedKinds } from './served-kinds.ts';
import type { VirtualTime } from './virtual-time.ts';

const configuration = parseConfiguration(
  // Weeks lie between a world's preparation and a run: by age, credentials would be replaced in the midst of what is compared.
  'agentRuntime: { image: "agent-runtime:1", egressURL: "http://egress.cloister-system.svc:80/v1" }\nrotation: { databaseDays: 0, redisDays: 0, identityDays: 0, servingDays: 0, authorityDays: 0, settleSeconds: 30 }',
  'the simulation',
);

// What it imports when it is first asked must not be waited for while time stands still.
await makeAuthority('first', { from: new Date(), days: 1 });

/** Longer than the pause between two looks at Postgres and Redis, and than any back-off. */
const quietMs = 330_000;
/** Retries back off to a minute, so whatever is to come right has come right by then. */
const roundsToQuiet = 20;
const longestCalm = 50_000;

export interface WorldOptions {
  readonly time: VirtualTime;
  readonly random: SeededRandom;
  readonly from?: World;
  /** Settings of rotation, beside those of the world from which this one is made. */
  readonly rotation?: Partial<Configuration['rotation']> | undefined;
  readonly mishap?: (call: Call, world: World) => Mishap | undefined;
}

export class World {
  readonly server: ModelApiServer;
  readonly data: DataServersDouble;
  readonly processes: OperatorProcess[] = [];
  /** What was asked of API server, Postgres and Redis by the operator, in order; writes only. */
  readonly calls: Call[] = [];
  /** What the operator asked for and its roles do not allow. */
  readonly forbidden: string[] = [];
  /** Which rights it has made use of, as `group/resource verb`; those of the world from which this one was made are among them. */
  readonly rightsUsed: Set<string>;
  /** Told of every call, and decides on its fate. */
  mishap: (call: Call) => Mishap | undefined;
  /** What egress says to the processes that are started from now on; undefined: they do not ask. */
  usage: TenantsUsage | undefined;
  /** How many versions the next process is behind when it starts, and in which kinds. */
  lagOfNext: Lag | undefined;
  readonly administrator: Cluster;
  readonly configuration: Configuration;
  readonly #time: VirtualTime;
  readonly #random: SeededRandom;
  /** The version at which Kubernetes' controllers had nothing left to do. */
  #controlled = -1;
  #refused: { readonly version: number; readonly names: Set<string> } = { version: -1, names: new Set() };

  constructor({ time, random, from, rotation, mishap }: WorldOptions) {
    this.#time = time;
    this.#random = random;
    this.mishap = mishap ? (call) => mishap(call, this) : () => undefined;
    this.server = new ModelApiServer({ kinds: servedKinds, now: () => new Date(), ...(from && { from: from.server }) });
    const before = from?.configuration ?? configuration;
    this.configuration = { ...before, rotation: { ...before.rotation, ...rotation } };
    this.rightsUsed = new Set(from?.rightsUsed);
    this.data = from?.data.copy() ?? new DataServersDouble();
    this.administrator = connectTo(this.server.connect({ user: 'administrator' }), { fieldManager: 'kubectl', server: 'https://model' });
  }

  get running(): OperatorProcess[] {
    return this.processes.filter((process) => !process.gone && !process.end);
  }

  startOperator(): OperatorProcess {
    const { usage } = this;
    const process = new OperatorProcess({
      server: this.server,
      data: this.data,
      configuration: this.configuration,
      ...(usage && { readUsage: () => Promise.resolve(usage) }),
      ...(this.lagOfNext !== undefined && { lag: this.lagOfNext }),
      mishap: (call) => {
        if (call.write) this.calls.push(call);
        if (call.request) this.#checkRights(call.request);
        return this.mishap(call);
      },
    });
    this.lagOfNext = undefined;
    this.processes.push(process);
    return process;
  }

  /** Kills it and starts it anew. */
  async restart(): Promise<void> {
    this.stopAll();
    await this.#time.rest();
    this.startOperator();
  }

  stopAll(): void {
    for (const process of this.processes) process.kill();
  }

  /** Objects that somebody wrote since a version. */
  changesSince(version: number): Change[] {
    return this.server.history().filter((change) => change.version > version);
  }

  byOperator(changes: readonly Change[]): Change[] {
    return changes.filter(({ who }) => who === operatorUser);
  }

  find(kind: string, name: string, namespace?: string): StoredObject | undefined {
    return this.server
      .objects()
      .find((object) => object.kind === kind && object.metadata.name === name && object.metadata.namespace === namespace);
  }

  /** Until everything is delivered and done, however much time passes meanwhile. One process more is started where none is left. */
  async calm(): Promise<void> {
    for (let step = 0; step < longestCalm; step++) {
      await this.#time.rest();
      for (const { end } of this.processes) if (end?.error instanceof Error && end.error.name !== 'ProcessGone') throw end.error;
      if (this.processes.length > 0 && this.running.length === 0) this.startOperator();
      else if (!this.#step()) return;
    }
    throw new Error(`nothing came to rest within ${longestCalm} steps; the last write was ${this.calls.at(-1)?.what ?? 'none'}`);
  }

  /** So many things, or fewer when there are no more to do. */
  async stir(steps: number): Promise<void> {
    for (let step = 0; step < steps; step++) {
      await this.#time.rest();
      if (!this.#step() && !this.#time.advance()) return;
    }
  }

  /** Until nobody writes any more, however long one waits. Throws, naming the last writes, when that never is. */
  async converge(quietFor = quietMs): Promise<void> {
    for (let round = 0; round < roundsToQuiet; round++) {
      await this.calm();
      const [version, calls] = [this.server.version, this.calls.length];
      await this.pass(quietFor);
      if (this.server.version === version && this.calls.length === calls) return;
    }
    const last = this.calls.slice(-5).map(({ what }) => what);
    throw new Error(`still writing after ${(roundsToQuiet * quietFor) / 60_000} minutes: ${last.join(', ')}`);
  }

  /** Lets so many milliseconds go by, with all that falls into them. */
  async pass(ms: number): Promise<void> {
    const end = performance.now() + ms;
    await this.calm();
    while (performance.now() < end) {
      if (!this.#time.advance()) return;
      await this.calm();
    }
  }

  #step(): boolean {
    const pending = this.server.pending().filter(({ connection }) => connection.watches.length > 0);
    const late = this.running.filter(({ connection }) => connection.lag > 0);
    const controllers = this.#controlled !== this.server.version;
    const options = [
      ...(pending.length > 0 ? [() => this.#deliver(pending)] : []),
      ...(controllers ? [() => this.#control()] : []),
      ...(late.length > 0 ? [() => this.#catchUp(late)] : []),
    ];
    if (options.length > 0 && this.#random.chance(0.05)) this.#time.pass(this.#random.below(100));
    const chosen = this.#random.pick(options);
    chosen?.();
    return chosen !== undefined;
  }

  #deliver(pending: ReturnType<ModelApiServer['pending']>): void {
    const chosen = this.#random.pick(pending);
    chosen?.watch.deliver(this.#random.chance(0.5) ? Number.POSITIVE_INFINITY : 1 + this.#random.below(3));
  }

  /** What the server refuses, such as a pod above its quota, is not tried again before something has changed. */
  #control(): void {
    const before = this.server.version;
    if (this.#refused.version !== before) this.#refused = { version: before, names: new Set() };
    const { names } = this.#refused;
    const done = this.server.controllers.step((steps) => this.#random.pick(steps.filter(({ name }) => !names.has(name))));
    if (done === undefined) this.#controlled = before;
    else if (this.server.version === before) names.add(done);
  }

  /** What waits for a timer meets caches that are behind, too. */
  #catchUp(late: readonly OperatorProcess[]): void {
    this.#time.pass(this.#random.below(3_000));
    const process = this.#random.pick(late);
    if (process) process.connection.lag -= 1 + this.#random.below(process.connection.lag);
  }

  #checkRights(request: ApiRequest): void {
    const exists = this.server.has(request.path);
    const why = forbiddenByRoles(request, exists);
    if (why && !this.forbidden.includes(why)) this.forbidden.push(why);
    for (const right of rightsFor(request, exists)) this.rightsUsed.add(right);
  }
}

/** The namespaces and Secrets that the chart makes. */
export async function install(administrator: Cluster): Promise<void> {
  const create = (kind: string, metadata: object, rest: object = {}) => {
    const path = kind === 'Namespace' ? '/api/v1/namespaces' : `/api/v1/namespaces/${namespaces.system}/${kind.toLowerCase()}s`;
    return administrator.request({ method: 'POST', path, body: { apiVersion: 'v1', kind, metadata, ...rest } });
  };
  for (const name of Object.values(namespaces)) await create('Namespace', { name });
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const admin = { host: 'postgres', port: '5432', user: 'admin', password: 'a', database: 'cloister' };
  const data = Object.fromEntries(Object.entries(admin).map(([key, value]) => [key, base64(value)]));
  await create('Secret', { name: 'postgres-admin', namespace: namespaces.system }, { data });
  await create('Secret', { name: 'redis-admin', namespace: namespaces.system }, { data: { url: base64('redis://admin:a@redis:6379') } });
  const hard = { 'count/agentconfigs.cloister.dev': '0' };
  await create('ResourceQuota', { name: 'no-agentconfigs', namespace: namespaces.system }, { spec: { hard } });
}
