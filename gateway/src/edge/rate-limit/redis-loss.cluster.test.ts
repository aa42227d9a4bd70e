/** Redis goes away in the middle of many requests, and comes back. Needs CLOISTER_TEST_REDIS_URL. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { portOf } from '../../server/serve.ts';
import { agentDouble } from '../agent.double.ts';
import { agentsAt, edgeUnderTest } from '../edge.fixture.ts';
import { connectRedis } from '../../redis/followed-redis.ts';
import { RedisLimiter } from './redis-limiter.ts';

type Line = 'whole' | 'refused' | 'silent';

/** Between edge and Redis. */
async function lineTo(url: string) {
  const { hostname, port } = new URL(url);
  const sockets = new Set<Socket>();
  let line: Line = 'whole';
  const server = createServer((socket) => {
    if (line === 'refused') return void socket.destroy();
    const upstream = connect(Number(port), hostname);
    const end = () => {
      for (const side of [socket, upstream]) {
        side.destroy();
        sockets.delete(side);
      }
    };
    for (const [side, other] of [
      [socket, upstream],
      [upstream, socket],
    ] as const) {
      sockets.add(side);
      side.on('error', end).on('close', end);
      side.on('data', (bytes) => line !== 'silent' && other.write(bytes));
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const through = new URL(url);
  through.host = `127.0.0.1:${portOf(server)}`;
  const set = (next: Line) => {
    line = next;
    if (next !== 'silent') for (const socket of sockets) socket.destroy();
  };
  const close = () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return { url: through.href, set, [Symbol.dispose]: close };
}

const most = 150;
test.each<[string, Line]>([
  ['breaks off', 'refused'],
  ['falls silent', 'silent'],
])(
  'when it %s every request is answered, by a count of this replica’s own that begins then, and together they count again once it is back',
  async (_, loss) => {
    using line = await lineTo(process.env['CLOISTER_TEST_REDIS_URL'] ?? '');
    const redis = connectRedis(line.url, () => undefined);
    await once(redis, 'ready');
    await using agent = await agentDouble();
    await using edge = await edgeUnderTest({ limiter: new RedisLimiter((work) => work(redis), 'edge:limits:') });
    const key = edge.addTenant('acme', {
      ...agentsAt(agent.url, 'support'),
      uid: randomUUID(),
      rateLimits: { requestsPerMinute: most, concurrentRequests: 20 },
    });
    const fallbacks = async () => Number(/^cloister_edge_rate_limit_fallbacks_total (\d+)$/m.exec(await edge.registry.metrics())?.[1]);
    const answers: { readonly status: number; readonly during: Line }[] = [];
    let [during, done]: [Line, boolean] = ['whole', false];
    const caller = async () => {
      while (!done) {
        const asked = during;
        const { status, headers } = await fetch(`${edge.url}/v1/chat/completions`, {
          method: 'POST',
          headers: { authorization: `Bearer ${key}` },
          body: '{}',
        });
        if (status === 429) expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
        answers.push({ status, during: asked });
        if (status !== 200) await sleep(20);
      }
    };
    const admitted = (when?: Line) => answers.filter((answer) => answer.status === 200 && (when ?? answer.during) === answer.during).length;
    const calling = Promise.all(Array.from({ length: 16 }, caller));
    await expect.poll(() => admitted(), { interval: 1, timeout: 20_000 }).toBeGreaterThan(most / 3);
    line.set((during = loss));
    await expect
      .poll(() => answers.filter(({ status, during: when }) => status === 429 && when === loss).length, { timeout: 30_000 })
      .toBeGreaterThan(20);
    expect(admitted(loss), 'after the loss').toBeGreaterThan(0);
    line.set((during = 'whole'));
    await expect
      .poll(
        async () => {
          const before = await fallbacks();
          await sleep(500);
          return (await fallbacks()) - before;
        },
        { timeout: 20_000 },
      )
      .toBe(0);
    done = true;
    await calling;
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 429]));
    expect(admitted(), 'the limit once together and once alone').toBeLessThanOrEqual(2 * most);
    expect(await fallbacks()).toBeGreaterThan(0);
    redis.disconnect();
  },
);
