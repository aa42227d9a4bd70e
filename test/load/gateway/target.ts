/** What is asked when the gateway is measured: a server, or several one behind the other, by one request. */
import { Pool } from 'undici';
import { cpuMicroseconds, residentMiB } from '../measuring/process.ts';

export type Mode = 'whole' | 'stream';

export interface Target {
  readonly name: string;
  readonly pool: Pool;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: (mode: Mode) => string;
  /** Resident memory of its processes in MiB. */
  readonly memory: () => number;
  /** Processor time that its processes have used, in microseconds; advances in steps of 10,000. */
  readonly cpu: () => number;
}

export interface Asked {
  readonly name: string;
  readonly url: string;
  readonly pids: readonly number[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly model?: string;
}

const messages = [{ role: 'user', content: 'How do I cancel my order?' }];

export const targetAt = ({ name, url, pids, headers = {}, model = 'stub' }: Asked): Target => ({
  name,
  pool: new Pool(url, { connections: 64 }),
  path: '/v1/chat/completions',
  headers: { 'content-type': 'application/json', ...headers },
  body: (mode) => JSON.stringify({ model, max_tokens: 64, messages, ...(mode === 'stream' ? { stream: true } : {}) }),
  memory: () => sum(pids.map(residentMiB)),
  cpu: () => sum(pids.map(cpuMicroseconds)),
});

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
