import type { ApiRequest, Wire } from 'kube-runtime';
import { query, type Call, type Site } from '../requests/call.ts';
import { handle } from '../requests/handle.ts';
import { wantsMetadata } from '../requests/read.ts';
import { Refused } from '../requests/refused.ts';
import { routeOf } from '../requests/route.ts';
import { selectorOf } from '../requests/selector.ts';
import type { ServedKind } from '../rules/served-kind.ts';
import { errorOf, type FaultPlan } from './fault.ts';
import { ModelWatch } from './watch.ts';

/**
 * One client's connection to the model, as `connectTo` of kube-runtime takes it. Requests are carried out one after the other, each as a
 * whole, in the order in which they are sent.
 */
export class ModelConnection implements Wire {
  readonly user: string;
  /** Asked about every request. Undefined: nothing goes wrong. */
  faults: FaultPlan | undefined;
  /** `at once`: watches bring every event as soon as the lag allows. `held`: only `deliver` brings them. */
  delivery: 'at once' | 'held' = 'at once';
  /** What the lag concerns. A real server answers reads from the newest state, unless it is asked for less or is cut off from its etcd. */
  late: 'reads and watches' | 'watches' = 'reads and watches';
  /**
   * Plural names of the kinds whose lists and watches the lag concerns, as a server's cache of one kind may be behind those of others; who asks for one
   * object gets it from etcd. Undefined: all.
   */
  lateKinds: ReadonlySet<string> | undefined;
  readonly #site: Site;
  readonly #watches = new Set<ModelWatch>();
  #lag = 0;
  #requests = 0;

  constructor(site: Site, user: string) {
    this.#site = site;
    this.user = user;
    site.store.onChange((change) => {
      for (const watch of this.#watches) watch.notice(change);
      this.#flush();
    });
  }

  /** How many versions reads and watches are behind. Writes always meet the newest state. */
  get lag(): number {
    return this.#lag;
  }

  /** More lag takes reads back in time, as a reconnect to a replica that is behind would. */
  set lag(versions: number) {
    this.#lag = versions;
    this.#flush();
  }

  /** The version that reads see now, of the kinds that the lag concerns. */
  get version(): number {
    return Math.max(1, this.#site.store.version - this.#lag);
  }

  get requests(): number {
    return this.#requests;
  }

  get watches(): readonly ModelWatch[] {
    for (const watch of this.#watches) if (watch.body.ended) this.#watches.delete(watch);
    return [...this.#watches];
  }

  async send(request: ApiRequest): Promise<unknown> {
    const after = await this.#pass(request);
    const answer = this.#answer(request, () => structuredClone(handle(this.#call(request))));
    await Promise.resolve();
    if (after) throw errorOf(request, after);
    return answer;
  }

  async stream(request: ApiRequest & { readonly signal: AbortSignal }): Promise<AsyncIterable<Buffer>> {
    const after = await this.#pass(request);
    const watch = this.#answer(request, () => this.#open(request));
    const { signal } = request;
    signal.addEventListener('abort', () => watch.body.fail(signal.reason), { once: true });
    if (after) {
      const error = errorOf(request, after);
      watch.body.fail(error);
      throw error;
    }
    return watch.body;
  }

  /** Ends every open watch: by a broken connection, or in good order as when its time is over. */
  cut(how: 'reset' | 'end' = 'reset'): void {
    for (const watch of this.watches) {
      if (how === 'end') watch.body.end();
      else watch.body.fail(new Error('the connection was reset'));
    }
    this.#watches.clear();
  }

  bookmark(): void {
    for (const watch of this.watches) watch.bookmark();
  }

  /** Delivers up to `count` events of all its watches, the oldest first. Returns how many there were. */
  deliver(count = Number.POSITIVE_INFINITY): number {
    let delivered = 0;
    while (delivered < count) {
      const due = this.watches.filter(({ pending }) => pending.length > 0);
      const [first] = due.sort((a, b) => (a.pending[0]?.version ?? 0) - (b.pending[0]?.version ?? 0));
      if (!first) break;
      delivered += first.deliver(1);
    }
    return delivered;
  }

  async #pass(request: ApiRequest) {
    const fault = this.faults?.(request, this.#requests++) ?? {};
    await fault.hold;
    request.signal?.throwIfAborted();
    if (fault.before) throw errorOf(request, fault.before);
    return fault.after;
  }

  #answer<T>(request: ApiRequest, work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw error instanceof Refused ? errorOf(request, error.status) : error;
    }
  }

  #call(request: ApiRequest): Call {
    const route = routeOf(this.#site.kinds, request.path);
    const isFromStore = this.late === 'watches' || (this.lateKinds !== undefined && route.name !== undefined);
    const version = isFromStore ? this.#site.store.version : this.#horizonOf(route.served);
    return { site: this.#site, request: { ...request, body: asSent(request.body) }, route, who: this.user, version };
  }

  #open(request: ApiRequest): ModelWatch {
    const call = this.#call(request);
    const { served, namespace } = call.route;
    const matches = selectorOf(query(call, 'labelSelector'), query(call, 'fieldSelector'));
    const watch = new ModelWatch({ served, namespace, matches, metadataOnly: wantsMetadata(request) }, () => this.#horizonOf(served));
    const from = Number(query(call, 'resourceVersion') ?? this.#horizonOf(served));
    if (from < this.#site.store.oldest) {
      watch.expire();
      return watch;
    }
    for (const change of this.#site.store.changes) if (change.version > from) watch.notice(change);
    this.#watches.add(watch);
    this.#flush();
    return watch;
  }

  #horizonOf({ kind }: ServedKind): number {
    return this.lateKinds?.has(kind.plural) === false ? this.#site.store.version : this.version;
  }

  #flush(): void {
    if (this.delivery === 'at once') this.deliver();
  }
}

/** What is left of a body on the way: fields that are undefined are not sent. */
function asSent(body: unknown): unknown {
  return body === undefined ? undefined : JSON.parse(JSON.stringify(body));
}
