/** Two sockets as one connection, until one of them ends, a limit is reached, or somebody ends it. */
import type { Socket } from 'node:net';

export interface TunnelLimits {
  /** Both directions together. */
  readonly bytes: number;
  readonly totalMs: number;
  /** Without a byte in either direction. */
  readonly idleMs: number;
}

export type TunnelEnd =
  'closed' | 'broken' | 'too many bytes' | 'too many bytes of the tenant' | 'too long' | 'idle' | 'no longer allowed' | 'stopped';

export interface Traffic {
  readonly up: number;
  readonly down: number;
  readonly end: TunnelEnd;
}

export interface Tunnel {
  /** Resolves when both sockets are closed; never rejects. */
  readonly ended: Promise<Traffic>;
  /** Closes both, at once. Nothing where they are closed already. */
  readonly end: (why: TunnelEnd) => void;
}

/** `carried` hears of every piece. A piece that goes beyond a limit has been read, but the connection ends with it and it is not passed on. */
export function openTunnel(
  client: Socket,
  server: Socket,
  limits: TunnelLimits,
  carried: (bytes: number) => void = () => undefined,
): Tunnel {
  let [up, down, open] = [0, 0, 2];
  let why: TunnelEnd = 'closed';
  const end = (reason: TunnelEnd) => {
    if (why === 'closed') why = reason;
    client.destroy();
    server.destroy();
  };
  const count = (bytes: number) => {
    client.setTimeout(limits.idleMs);
    if (up + down > limits.bytes) end('too many bytes');
    carried(bytes);
  };
  const timer = setTimeout(() => end('too long'), limits.totalMs);
  const ended = new Promise<Traffic>((resolve) => {
    const closed = () => {
      if (--open > 0) return;
      clearTimeout(timer);
      resolve({ up, down, end: why });
    };
    for (const socket of [client, server]) {
      socket.on('error', () => end('broken'));
      if (socket.closed) closed();
      else socket.once('close', closed);
    }
  });
  // A socket's own time-out sees only its own traffic; each byte of the other side winds up this one.
  client.setTimeout(limits.idleMs, () => end('idle'));
  client.on('data', ({ length }: Buffer) => {
    up += length;
    count(length);
  });
  server.on('data', ({ length }: Buffer) => {
    down += length;
    count(length);
  });
  client.pipe(server);
  server.pipe(client);
  if (client.destroyed || server.destroyed) end('broken');
  return { ended, end };
}
