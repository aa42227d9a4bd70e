/** Over real sockets: a pod, egress, and a server that stands for the internet. Names are resolved by a double, since DNS is what attackers own. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { expect } from 'vitest';
import { portOf } from '../../server/serve.ts';
import { egressUnderTest, type EgressUnderTest } from '../egress.fixture.ts';
import { rangeOf } from './addresses.ts';

export const publicAddress = '93.184.216.34';
/** A public address where nobody answers. */
export const deafAddress = '1.1.1.1';

/** The answer to a CONNECT, and the connection that follows it. */
export interface Answer {
  readonly socket: Socket;
  readonly status: number;
  readonly text: string;
}

export interface ProxyUnderTest extends AsyncDisposable {
  readonly egress: EgressUnderTest;
  /** What each look-up of a name answers; the last answer stays. Without any, the look-up never ends. */
  readonly dns: Map<string, string[][]>;
  readonly lookedUp: string[];
  readonly dialled: string[];
  /** Of tenant acme, which allows api.example.com and *.wild.example on port 443. */
  readonly token: string;
  readonly ask: (authority: string, credential?: string) => Promise<Answer>;
  /** For the next test: every connection is closed, api.example.com leads to the internet, and nothing else leads anywhere. */
  readonly reset: () => Promise<void>;
}

const smallLimits = { bytes: 10_000, connections: 2, totalConnections: 5, hourlyBytes: 100_000, recheckMs: 20, lastTrafficMs: 100 };

/** Ranges of the cluster: 198.51.99.0/24. What the internet is told, it says back. */
export async function proxyUnderTest(): Promise<ProxyUnderTest> {
  const internet = createServer({ allowHalfOpen: true }, (socket) => socket.on('error', () => undefined).pipe(socket)).listen(
    0,
    '127.0.0.1',
  );
  await once(internet, 'listening');
  const dns = new Map([['api.example.com', [[publicAddress]]]]);
  const [lookedUp, dialled, pods]: [string[], string[], Socket[]] = [[], [], []];
  const egress = await egressUnderTest({
    proxy: {
      limits: smallLimits,
      forbidden: [rangeOf('198.51.99.0/24')],
      resolve: (host) => {
        lookedUp.push(host);
        const answers = dns.get(host);
        const answer = answers && answers.length > 1 ? answers.shift() : answers?.[0];
        if (answer) return Promise.resolve(answer);
        return answers ? new Promise(() => undefined) : Promise.reject(new Error('ENOTFOUND'));
      },
      open: (address, port) => {
        dialled.push(`${address}:${port}`);
        return connect({ port: address === deafAddress ? 1 : portOf(internet), host: '127.0.0.1', allowHalfOpen: true });
      },
    },
  });
  const token = await egress.addTenant('acme', { egress: { domains: ['api.example.com', '*.wild.example'], ports: [443] } });
  return {
    egress,
    dns,
    lookedUp,
    dialled,
    token,
    ask: async (authority, credential = `Bearer ${token}`) => {
      const answer = await askOf(egress.url, authority, credential);
      pods.push(answer.socket);
      return answer;
    },
    reset: async () => {
      for (const pod of pods.splice(0)) pod.destroy();
      await expect.poll(() => egress.registry.metrics()).toMatch(/^cloister_proxy_open_connections 0$/m);
      dns.clear();
      dns.set('api.example.com', [[publicAddress]]);
      lookedUp.length = dialled.length = 0;
    },
    [Symbol.asyncDispose]: async () => {
      await egress[Symbol.asyncDispose]();
      internet.close();
    },
  };
}

/** Says what a test wants said, line by line, and hears the head of the answer. */
export async function say(url: string, ...lines: readonly string[]): Promise<Answer> {
  const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1', allowHalfOpen: true });
  socket.on('error', () => undefined).write(`${lines.join('\r\n')}\r\n\r\n`);
  let text = '';
  while (!text.includes('\r\n\r\n')) text += String((await once(socket, 'data'))[0]);
  return { socket, text, status: Number(text.split(' ')[1]) };
}

export const askOf = (url: string, authority: string, credential: string, ...more: readonly string[]): Promise<Answer> =>
  say(url, `CONNECT ${authority} HTTP/1.1`, `Host: ${authority}`, `Proxy-Authorization: ${credential}`, ...more);

/** All that still comes, once the connection is closed. */
export async function readAll(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (piece: Buffer) => (text += piece.toString()));
  socket.once('end', () => socket.end());
  await new Promise((resolve) => socket.once('close', resolve));
  return text;
}
