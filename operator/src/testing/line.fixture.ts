import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** Between a client and a server. */
export interface Line extends Disposable {
  readonly host: string;
  readonly port: number;
  /** Connections there have been. */
  readonly connections: number;
  /** What is connected now stays so, and brings nothing any more, as when a firewall forgot it. New connections work. */
  goDead(): void;
  /** What is connected now is reset, without a word of the protocol that it speaks, as when a node is lost. New connections work. */
  reset(): void;
}

export async function lineTo({ host, port }: { readonly host: string; readonly port: number }): Promise<Line> {
  const sockets = new Set<Socket>();
  let dead = new WeakSet<Socket>();
  let connections = 0;
  const server = createServer((client) => {
    connections++;
    const upstream = connect(port, host);
    for (const [side, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(side);
      side.on('data', (bytes) => dead.has(client) || other.write(bytes));
      side.on('error', () => undefined);
      side.on('close', () => {
        sockets.delete(side);
        other.destroy();
      });
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the line does not listen');
  return {
    host: '127.0.0.1',
    port: address.port,
    get connections() {
      return connections;
    },
    goDead() {
      dead = new WeakSet(sockets);
    },
    reset() {
      for (const socket of sockets) socket.resetAndDestroy();
    },
    [Symbol.dispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
