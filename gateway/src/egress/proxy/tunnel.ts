/** Two sockets as one connection, until one of them ends or a limit is reached. */
import type { Socket } from 'node:net';

export interface TunnelLimits {
  /** Both directions together. */
  readonly bytes: number;
  readonly totalMs: number;
  /** Without a byte in either direction. */
  readonly idleMs: number;
}

export type TunnelEnd = 'closed' | 'broken' | 'too many bytes' | 'too long' | 'idle' | 'stopped';

export interface Traffic {
  readonly up: number;
  readonly down: number;
  readonly end: TunnelEnd;
}

/** Resolves when both sockets are closed; never rejects. A byte above the limit may have been read, but the connection ends with it. */
export function tunnel(client: Socket, server: Socket, limits: TunnelLimits, stop: AbortSignal): Promise<Traffic> {
  return new Promise((resolve) => {
    let [up, down, open] = [0, 0, 2];
    let end: TunnelEnd = 'closed';
    const finish = (why: TunnelEnd) => {
      if (end === 'closed') end = why;
      client.destroy();
      server.destroy();
    };
    const stopped = () => finish('stopped');
    const timer = setTimeout(() => finish('too long'), limits.totalMs);
    stop.addEventListener('abort', stopped, { once: true });
    const count = (bytes: { up?: number; down?: number }) => {
      up += bytes.up ?? 0;
      down += bytes.down ?? 0;
      client.setTimeout(limits.idleMs);
      if (up + down > limits.bytes) finish('too many bytes');
    };
    const closed = () => {
      if (--open > 0) return;
      clearTimeout(timer);
      stop.removeEventListener('abort', stopped);
      resolve({ up, down, end });
    };
    // A socket's own time-out sees only its own traffic; each byte of the other side winds up this one.
    client.setTimeout(limits.idleMs, () => finish('idle'));
    for (const socket of [client, server]) {
      socket.on('error', () => finish('broken'));
      if (socket.closed) closed();
      else socket.once('close', closed);
    }
    client.on('data', ({ length }: Buffer) => count({ up: length }));
    server.on('data', ({ length }: Buffer) => count({ down: length }));
    client.pipe(server);
    server.pipe(client);
    if (stop.aborted) stopped();
    if (client.destroyed || server.destroyed) finish('broken');
  });
}
