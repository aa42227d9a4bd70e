/**
 * How many connections a server has at a time. Who comes beyond that hears 503 and is let go before anything of it is read, so that those whose requests
 * are being answered are served as if nobody had come. Connections between two requests make room then: else those who ask for nothing in particular, now
 * and then, would hold every place.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { refuseOnSocket, type Refusal } from './last-words.ts';

export interface ConnectionBounds {
  /** Of everybody together. */
  readonly total: number;
  /** Of one address, as it is seen here: of everybody behind one proxy together. */
  readonly perAddress: number;
}
export type Bound = keyof ConnectionBounds;

/** So many are told why at a time. Where more come, a word for each would be what the flood costs. */
const mostTold = 64;

/** Milliseconds. Who comes back is not let go again at once. */
const sweepEvery = 1_000;

const tooMany: Refusal = {
  code: 'too_many_connections',
  message: 'there are as many connections as there may be; try again in a moment',
  type: 'server_error',
  headers: ['retry-after: 1'],
};

export class BoundedConnections {
  readonly #bounds: ConnectionBounds;
  readonly #clock: () => number;
  readonly #byAddress = new Map<string, number>();
  /** Of each connection on which there was one: requests whose answers have not gone out. */
  readonly #requests = new Map<Socket, number>();
  #open = 0;
  #told = 0;
  #swept = -Infinity;

  constructor(bounds: ConnectionBounds, clock: () => number = () => performance.now()) {
    this.#bounds = bounds;
    this.#clock = clock;
  }

  get open(): number {
    return this.#open;
  }

  /** To be called before the server listens. `onRefused` hears which bound was reached. */
  guard(server: Server, onRefused: (bound: Bound) => void): void {
    // Node's own listener begins to read, so it hears of those alone who may come in.
    const listeners = server.listeners('connection');
    server.on('request', (request, response) => this.#follow(request, response));
    server.removeAllListeners('connection').on('connection', (socket) => {
      const address = socket.remoteAddress ?? '';
      const bound = this.#reached(address);
      if (bound) {
        onRefused(bound);
        // Who has too many of its own has them at nobody's cost.
        if (bound === 'total') this.#letIdleGo();
        this.#refuse(socket);
        return;
      }
      this.#admit(socket, address);
      for (const listener of listeners) Reflect.apply(listener, server, [socket]);
    });
  }

  #reached(address: string): Bound | undefined {
    if (this.#open >= this.#bounds.total) return 'total';
    return this.#of(address) >= this.#bounds.perAddress ? 'perAddress' : undefined;
  }

  #of(address: string): number {
    return this.#byAddress.get(address) ?? 0;
  }

  #admit(socket: Socket, address: string): void {
    this.#open++;
    this.#byAddress.set(address, this.#of(address) + 1);
    socket.once('close', () => {
      this.#open--;
      this.#requests.delete(socket);
      const left = this.#of(address) - 1;
      if (left > 0) this.#byAddress.set(address, left);
      else this.#byAddress.delete(address);
    });
  }

  /** Node's own list of idle connections has those whose answers are still going out. */
  #follow({ socket }: IncomingMessage, response: ServerResponse): void {
    this.#requests.set(socket, (this.#requests.get(socket) ?? 0) + 1);
    response.once('close', () => {
      const count = this.#requests.get(socket);
      if (count !== undefined) this.#requests.set(socket, count - 1);
    });
  }

  #letIdleGo(): void {
    const now = this.#clock();
    if (now - this.#swept < sweepEvery) return;
    this.#swept = now;
    for (const [socket, count] of this.#requests) if (count === 0) socket.destroy();
  }

  #refuse(socket: Socket): void {
    if (this.#told >= mostTold) {
      socket.destroy();
      return;
    }
    this.#told++;
    socket.once('close', () => this.#told--);
    refuseOnSocket(socket, '503 Service Unavailable', tooMany);
  }
}
