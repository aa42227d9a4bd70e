import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { portOf } from '../../../gateway/src/server/serve.ts';

export interface PeerProcess {
  readonly pid: number;
  readonly close: () => Promise<void>;
}

/** Milliseconds until a peer must answer. */
const patience = 90_000;

/** Starts a program that is to listen at `url`, and resolves once anything answers there. Rejects when it ends before. */
export async function startPeer(
  url: string,
  program: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<PeerProcess> {
  const child = spawn(program, args, { stdio: 'ignore', env: { ...process.env, NODE_ENV: 'production', ...environment } });
  const failure = new Promise<never>((_, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`it ended with ${code ?? 'a signal'} before it was ready`)));
  });
  await Promise.race([answering(url), failure]).catch((error: unknown) => {
    child.kill('SIGKILL');
    throw error;
  });
  failure.catch(() => undefined); // its end is wanted from now on
  const close = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL'); // some take their time, and there is nothing to be saved
    await once(child, 'exit');
  };
  return { pid: child.pid ?? 0, close };
}

async function answering(url: string): Promise<void> {
  for (const until = performance.now() + patience; performance.now() < until; await sleep(250)) {
    const answered = await fetch(url).then(
      async (answer) => {
        await answer.body?.cancel();
        return true;
      },
      () => false,
    );
    if (answered) return;
  }
  throw new Error(`nobody answered within ${patience / 1000} s`);
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const port = portOf(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}
