/**
 * Stands between a client and the API server and misbehaves on demand, as networks, load balancers and dying servers do. It ends TLS and
 * speaks HTTP itself, so it can count requests and break an answer in the middle of a line. Clients must bring a token.
 */
import { readFile } from 'node:fs/promises';
import { Agent, createServer, request as ask, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface ProxyOptions {
  readonly apiServer: string;
  /** Whose authority and server certificate are used. */
  readonly clusterDir: string;
}

export type Verb = 'list' | 'watch' | 'get' | 'write';

interface Pipe {
  readonly socket: Socket;
  readonly watch: boolean;
  /** The next piece is sent by half, and then the connection ends. */
  truncate: boolean;
}

export class UnrulyProxy {
  readonly counts: Record<Verb, number> = { list: 0, watch: 0, get: 0, write: 0 };
  /** Paths of the lists that were asked for. */
  readonly lists: string[] = [];
  readonly #server: Server;
  readonly #upstream: URL;
  readonly #agent: Agent;
  readonly #sockets = new Set<Socket>();
  readonly #mute = new WeakSet<Socket>();
  readonly #pipes = new Set<Pipe>();
  #delayMs = 0;
  #barrier: PromiseWithResolvers<undefined> | undefined;

  private constructor(server: Server, upstream: URL, agent: Agent) {
    this.#server = server;
    this.#upstream = upstream;
    this.#agent = agent;
    server.on('secureConnection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => undefined).once('close', () => this.#sockets.delete(socket));
    });
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      void this.#serve(request, response).catch(() => response.destroy());
    });
  }

  static async start({ apiServer, clusterDir }: ProxyOptions): Promise<UnrulyProxy> {
    const [ca, cert, key] = await Promise.all(
      ['ca.crt', 'api-server.crt', 'api-server.key'].map((name) => readFile(join(clusterDir, 'pki', name))),
    );
    const server = createServer({ cert, key, ALPNProtocols: ['http/1.1'], keepAliveTimeout: 60_000, requestTimeout: 0 });
    const agent = new Agent({ ca, keepAlive: true, ALPNProtocols: ['http/1.1'] });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new UnrulyProxy(server, new URL(apiServer), agent);
  }

  get url(): string {
    const address: AddressInfo | string | null = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the proxy does not listen');
    return `https://127.0.0.1:${address.port}`;
  }

  get openWatches(): number {
    return [...this.#pipes].filter(({ watch }) => watch).length;
  }

  /** Resets every connection. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Every connection there is now stays open and brings nothing any more, in either direction. New ones work. */
  halfOpen(): void {
    for (const socket of this.#sockets) this.#mute.add(socket);
  }

  /** Ends each open watch in the middle of the next thing that it would bring. */
  truncate(): void {
    for (const pipe of this.#pipes) pipe.truncate ||= pipe.watch;
  }

  /** Each piece comes so much later, from now on. */
  delay(ms: number): void {
    this.#delayMs = ms;
  }

  /** Nothing passes until the returned function is called; then what was held passes, unless its client has given up. */
  partition(): () => void {
    const barrier = Promise.withResolvers<undefined>();
    this.#barrier = barrier;
    return () => {
      this.#barrier = undefined;
      barrier.resolve(undefined);
    };
  }

  async close(): Promise<void> {
    this.cut();
    this.#agent.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const verb = verbOf(request);
    this.counts[verb]++;
    if (verb === 'list') this.lists.push(new URL(request.url ?? '/', 'https://proxy').pathname);
    const body = await bodyOf(request);
    await this.#passage();
    if (this.#mute.has(request.socket) || request.socket.destroyed) return;
    const answer = await this.#forward(request, body, response);
    if (this.#mute.has(request.socket)) return;
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    response.flushHeaders();
    await this.#pass(answer, response, { socket: request.socket, watch: verb === 'watch', truncate: false });
  }

  #forward(request: IncomingMessage, body: Buffer, response: ServerResponse): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const { method, url: path, headers } = request;
      const { hostname: host, port } = this.#upstream;
      const outgoing = ask({ host, port, path, method, headers: { ...headers, host: this.#upstream.host }, agent: this.#agent }, resolve);
      outgoing.once('error', reject).end(body);
      response.once('close', () => outgoing.destroy());
    });
  }

  /** Piece by piece, in order, each subject to whatever is the matter by then. */
  async #pass(answer: IncomingMessage, response: ServerResponse, pipe: Pipe): Promise<void> {
    this.#pipes.add(pipe);
    response.once('close', () => this.#pipes.delete(pipe));
    try {
      for await (const piece of answer) {
        if (!Buffer.isBuffer(piece)) continue;
        if (this.#delayMs > 0) await sleep(this.#delayMs);
        await this.#passage();
        if (this.#mute.has(pipe.socket)) return;
        if (pipe.truncate) {
          response.write(piece.subarray(0, Math.ceil(piece.length / 2)), () => response.destroy());
          return;
        }
        response.write(piece);
      }
      response.end();
    } catch {
      response.destroy(); // the server is gone: what it could not finish must not look finished
    }
  }

  async #passage(): Promise<void> {
    while (this.#barrier) await this.#barrier.promise;
  }
}

function verbOf({ method = 'GET', url = '' }: IncomingMessage): Verb {
  if (method !== 'GET') return 'write';
  const { searchParams } = new URL(url, 'https://proxy');
  if (searchParams.get('watch') === 'true') return 'watch';
  return searchParams.has('limit') ? 'list' : 'get';
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of request) if (Buffer.isBuffer(piece)) pieces.push(piece);
  return Buffer.concat(pieces);
}
