import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** What the next request that fits meets instead of an answer. */
export type Fault =
  | { readonly kind: 'status'; readonly code: number; readonly retryAfterSeconds?: number }
  /** The socket is destroyed before any answer. */
  | { readonly kind: 'reset' }
  /** No answer, ever. */
  | { readonly kind: 'hang' }
  /** A line that is no JSON, in the middle of a watch. */
  | { readonly kind: 'garbage' }
  /** An ERROR event with this code as the first thing in a watch. */
  | { readonly kind: 'errorEvent'; readonly code: number }
  /** Half an event, then the end. */
  | { readonly kind: 'halfLine' };

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
}

type Phase = 'list' | 'watch' | 'write';

/**
 * One collection of ConfigMaps behind real HTTP, with every fault that a network or an API server can add.
 *
 * It knows versions, pages and watches and nothing else of Kubernetes: semantics are tested against a real API server.
 */
export class FaultyApiServer implements AsyncDisposable {
  readonly requests: SeenRequest[] = [];
  /** Versions at or before this are forgotten: watching from them gives 410. */
  oldest = 0;
  /** Watches end after this many milliseconds, whatever was asked. */
  endWatchAfterMs: number | undefined;
  /** Nobody answers: every connection is reset. */
  away = false;
  readonly #server: Server;
  readonly #objects = new Map<string, { readonly data: unknown; readonly version: number; readonly uid: string }>();
  readonly #log: { readonly version: number; readonly line: string }[] = [];
  readonly #watches = new Set<ServerResponse>();
  readonly #connections = new Set<Socket>();
  readonly #forgotten = new WeakSet<Socket>();
  readonly #faults: { readonly phase: Phase; readonly fault: Fault }[] = [];
  #version = 100;
  #uids = 0;

  private constructor() {
    this.#server = createServer((request, response) => this.#serve(request, response));
    this.#server.on('connection', (socket) => this.#connections.add(socket));
  }

  static async start(): Promise<FaultyApiServer> {
    const double = new FaultyApiServer();
    await new Promise<void>((resolve) => double.#server.listen(0, '127.0.0.1', resolve));
    return double;
  }

  get url(): string {
    const address: AddressInfo | string | null = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the server does not listen');
    return `http://127.0.0.1:${address.port}`;
  }

  get openWatches(): number {
    return this.#watches.size;
  }

  count(phase: Phase): number {
    return this.requests.filter((request) => phaseOf(request) === phase).length;
  }

  put(name: string, data: unknown = {}): void {
    const before = this.#objects.get(name);
    this.#objects.set(name, { data, version: ++this.#version, uid: before?.uid ?? `uid-${++this.#uids}` });
    this.#emit(before ? 'MODIFIED' : 'ADDED', this.#render(name));
  }

  remove(name: string): void {
    const last = this.#render(name);
    this.#objects.delete(name);
    this.#version++;
    this.#emit('DELETED', { ...last, metadata: { ...last.metadata, resourceVersion: String(this.#version) } });
  }

  bookmark(): void {
    this.#emit('BOOKMARK', { kind: 'ConfigMap', apiVersion: 'v1', metadata: { resourceVersion: String(this.#version) } });
  }

  /** Sends an event that was never recorded, as a server that is behind would. */
  replayOld(type: string, name: string, version: number, data: unknown): void {
    const metadata = { name, namespace: 'default', uid: this.#objects.get(name)?.uid, resourceVersion: String(version) };
    for (const watch of this.#watches) watch.write(`${JSON.stringify({ type, object: { metadata, data } })}\n`);
  }

  next(phase: Phase, ...faults: readonly Fault[]): void {
    this.#faults.push(...faults.map((fault) => ({ phase, fault })));
  }

  /** The server forgets all history, as after a compaction. */
  compact(): void {
    this.oldest = this.#version;
  }

  cutWatches(): void {
    for (const watch of this.#watches) watch.socket?.destroy();
  }

  /** Open connections stay open and bring nothing any more, as when a firewall forgot them. */
  muteOpenWatches(): void {
    this.#watches.clear();
  }

  /** The same for all connections, idle ones too: a request on one of them gets no answer, on a new one it does. */
  forgetConnections(): void {
    this.muteOpenWatches();
    for (const connection of this.#connections) this.#forgotten.add(connection);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', 'http://double');
    const seen: SeenRequest = { method: request.method ?? '', path: url.pathname, query: url.searchParams, headers: request.headers };
    this.requests.push(seen);
    if (this.away) return void request.socket.destroy();
    if (this.#forgotten.has(request.socket)) return;
    const phase = phaseOf(seen);
    const at = this.#faults.findIndex((waiting) => waiting.phase === phase);
    const fault = at < 0 ? undefined : this.#faults.splice(at, 1)[0]?.fault;
    request.resume();
    if (fault) this.#play(fault, seen, response);
    else if (phase === 'list') this.#list(seen, response);
    else if (phase === 'watch') this.#watch(seen, response);
    else json(response, 200, { metadata: { name: 'written' } });
  }

  #play(fault: Fault, seen: SeenRequest, response: ServerResponse): void {
    switch (fault.kind) {
      case 'status':
        if (fault.retryAfterSeconds !== undefined) response.setHeader('retry-after', String(fault.retryAfterSeconds));
        json(response, fault.code, status(fault.code));
        return;
      case 'reset':
        return void response.socket?.destroy();
      case 'hang':
        return;
      case 'garbage':
        this.#watch(seen, response);
        return void response.write('this is no JSON, but could be a secret\n');
      case 'errorEvent':
        return void response.end(`${JSON.stringify({ type: 'ERROR', object: status(fault.code) })}\n`);
      case 'halfLine':
        response.write('{"type":"ADDED","object":{"metadata":{"name":"half');
        setTimeout(() => response.socket?.destroy(), 20);
    }
  }

  #list({ query }: SeenRequest, response: ServerResponse): void {
    const names = [...this.#objects.keys()].sort();
    const from = Number(query.get('continue') ?? 0);
    const limit = Number(query.get('limit') ?? names.length);
    const more = from + limit < names.length;
    const metadata = { resourceVersion: String(this.#version), ...(more && { continue: String(from + limit) }) };
    json(response, 200, { kind: 'ConfigMapList', metadata, items: names.slice(from, from + limit).map((name) => this.#render(name)) });
  }

  #watch({ query }: SeenRequest, response: ServerResponse): void {
    const from = Number(query.get('resourceVersion'));
    if (from < this.oldest) return void response.end(`${JSON.stringify({ type: 'ERROR', object: status(410) })}\n`);
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    for (const { version, line } of this.#log) if (version > from) response.write(line);
    this.#watches.add(response);
    response.on('close', () => this.#watches.delete(response));
    if (this.endWatchAfterMs !== undefined) setTimeout(() => response.end(), this.endWatchAfterMs);
  }

  #emit(type: string, object: { readonly metadata: { readonly resourceVersion: string }; readonly [field: string]: unknown }): void {
    const line = `${JSON.stringify({ type, object })}\n`;
    if (type !== 'BOOKMARK') this.#log.push({ version: Number(object.metadata.resourceVersion), line });
    for (const watch of this.#watches) watch.write(line);
  }

  #render(name: string) {
    const { version = 0, uid = '', data } = this.#objects.get(name) ?? {};
    const managedFields = [{ manager: 'somebody', fieldsV1: { 'f:data': {} } }];
    return {
      metadata: { name, namespace: 'default', uid, resourceVersion: String(version), managedFields },
      data,
      unheardOf: { kept: true },
    };
  }
}

const phaseOf = ({ method, query }: SeenRequest): Phase => (method !== 'GET' ? 'write' : query.get('watch') === 'true' ? 'watch' : 'list');

const reasons: Readonly<Record<number, string>> = {
  401: 'Unauthorized',
  404: 'NotFound',
  409: 'Conflict',
  410: 'Expired',
  429: 'TooManyRequests',
};
const status = (code: number) => ({ kind: 'Status', code, reason: reasons[code] ?? 'InternalError', message: `played fault ${code}` });

function json(response: ServerResponse, code: number, body: unknown): void {
  response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
