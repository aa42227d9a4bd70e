/**
 * One process of the operator: the real one, on a connection to the model and on doubles of Postgres and Redis.
 *
 * It can crash: at a write, before or after it is carried out. From then on nothing it asks is carried out, as if it had been killed.
 */
import { fieldManager } from '@cloister/tenancy';
import { connectTo, type ApiRequest, type Cluster } from 'kube-runtime';
import type { Fault, ModelApiServer, ModelConnection, Trouble } from 'kube-model';
import { DataError } from '../../operator/src/data/errors.ts';
import { startOperator } from '../../operator/src/start.ts';
import type { Configuration } from '../../operator/src/settings.ts';
import type { ReadUsage } from '../../operator/src/usage/read-usage.ts';
import type { DataServersDouble } from './data-servers.double.ts';

export const operatorUser = 'system:serviceaccount:cloister-system:operator';

/** Something that a process asks of the world. */
export interface Call {
  /** `PATCH /api/v1/namespaces/…`, or what is done to Postgres or Redis. */
  readonly what: string;
  readonly write: boolean;
  /** Absent for Postgres and Redis. */
  readonly request?: ApiRequest;
}

/** `crash`: the process is gone before, or right after the call was carried out. Else the call fails, or its answer is lost. */
export type Mishap = { readonly crash: 'before' | 'after' } | Fault;

export interface ProcessOptions {
  readonly server: ModelApiServer;
  readonly data: DataServersDouble;
  readonly configuration: Configuration;
  /** Asked about every call. */
  readonly mishap: (call: Call) => Mishap | undefined;
  /** What egress says of all tenants. Nobody is asked where it is not given. */
  readonly readUsage?: ReadUsage | undefined;
  /** Of its lists and watches when it starts. */
  readonly lag?: Lag;
}

export interface Lag {
  readonly versions: number;
  /** Plural names; undefined: all. */
  readonly kinds?: ReadonlySet<string> | undefined;
}

class ProcessGone extends Error {
  override readonly name = 'ProcessGone';
}

export class OperatorProcess {
  readonly connection: ModelConnection;
  readonly cluster: Cluster;
  readonly #options: ProcessOptions;
  readonly #ending = new AbortController();
  #gone = false;
  /** How many mishaps it has met: each call that was to fail did, or it was gone. */
  strikes = 0;
  /** Undefined while it runs; what it ended with afterwards. */
  end: { readonly error?: unknown } | undefined;

  constructor(options: ProcessOptions) {
    this.#options = options;
    this.connection = options.server.connect({ user: operatorUser });
    this.connection.delivery = 'held';
    this.connection.late = options.lag === undefined ? 'watches' : 'reads and watches';
    this.connection.lateKinds = options.lag?.kinds;
    this.connection.lag = options.lag?.versions ?? 0;
    this.connection.faults = (request) => this.#fault(request);
    this.cluster = connectTo(this.connection, { fieldManager, namespace: 'cloister-system', server: 'https://model' });
    const administrators = options.data.administrators((what, change) => this.#gate(what, change));
    const { configuration, readUsage } = options;
    startOperator(this.cluster, configuration, { signal: this.#ending.signal, administrators, readUsage }).then(
      () => (this.end = {}),
      (error: unknown) => (this.end = { error }),
    );
  }

  get gone(): boolean {
    return this.#gone;
  }

  /** As by SIGKILL: what it has under way is not carried out, and nobody hears of it again. */
  kill(): void {
    this.#gone = true;
    this.connection.cut();
    this.#ending.abort();
  }

  #fault(request: ApiRequest): Fault | undefined {
    const { method = 'GET', path } = request;
    const fate = this.#fateOf({ what: `${method} ${path}`, write: method !== 'GET', request });
    if (fate && !this.#gone) this.strikes++; // the connection does it
    return fate;
  }

  async #gate<T>(what: string, change: () => T): Promise<T> {
    await Promise.resolve();
    const { hold, before, after } = this.#fateOf({ what, write: true }) ?? {};
    await hold;
    if (before) throw this.#struck(what, before);
    const result = change();
    if (after) throw this.#struck(what, after);
    return result;
  }

  #fateOf(call: Call): Fault | undefined {
    if (this.#gone) return { before: new ProcessGone() };
    const mishap = this.#options.mishap(call);
    if (!mishap || !('crash' in mishap)) return mishap;
    this.kill();
    this.strikes++;
    return { [mishap.crash]: new ProcessGone() };
  }

  #struck(what: string, trouble: Trouble): Error {
    if (trouble instanceof ProcessGone) return trouble;
    this.strikes++;
    return asStoreSays(what, trouble);
  }
}

/** As the real administrators tell of a Postgres or Redis that refuses, or does not answer. */
function asStoreSays(what: string, trouble: Trouble): Error {
  if (trouble instanceof Error) return trouble;
  const why = typeof trouble === 'string' ? `connection ${trouble}` : trouble.message;
  return what.startsWith('Redis')
    ? new DataError('redis_failed', { address: 'redis:6379', why })
    : new DataError('postgres_failed', { address: 'postgres:5432', why });
}
