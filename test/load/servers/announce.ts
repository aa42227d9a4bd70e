import type { Server } from 'node:net';
import { portOf } from '../../../gateway/src/server/serve.ts';
import type { Announcement } from './start.ts';

/** Tells whoever started this process where it can be reached, and how. Once it is to end, `end` is waited for. */
export function announce(said: Announcement, end: () => Promise<unknown> = () => Promise.resolve()): void {
  // In order, so that a profile is written.
  const leave = () => void end().finally(() => process.exit());
  process.once('SIGTERM', leave);
  process.stdin.once('end', leave).resume(); // whoever started it has ended
  process.stdout.write(`${JSON.stringify(said)}\n`);
}

/** Listens on any free port of loopback. Resolves with the number. */
export async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, resolve);
  });
  return portOf(server);
}
