/** What is asked when the gateway is measured: a server, or several one behind the other, by one request. */
import { Pool } from 'undici';
import { cpuMicroseconds, residentMiB } from '../measuring/process.ts';

export type Mode = 'whole' | 'stream';

export interface Target {
  readonly name: string;
  readonly pool: Pool;
  readonly path: string;
  /** Of the next request. */
  readonly headers: () => Headers;
  readonly body: (mode: Mode) => string;
  /** Resident memory of its processes in MiB. */
  readonly memory: () => number;
  /** Processor time that its processes have used, in microseconds; advances in steps of 10,000. */
  readonly cpu: () => number;
}

type Headers = Readonly<Record<string, string>>;

export interface Asked {
  readonly name: string;
  readonly url: string;
  readonly pids: readonly number[];
  /** Several: the requests take them in turn. */
  readonly headers?: Headers | readonly Headers[];
  readonly model?: string;
}

const messages = [{ role: 'user', content: 'How do I cancel my order?' }];

export function targetAt({ name, url, pids, headers = {}, model = 'stub' }: Asked): Target {
  const all = [headers].flat().map((one) => ({ 'content-type': 'application/json', ...one }));
  const bodyOf = (more: object) => JSON.stringify({ model, max_tokens: 64, messages, ...more });
  const bodies = { whole: bodyOf({}), stream: bodyOf({ stream: true }) };
  let turn = 0;
  return {
    name,
    pool: new Pool(url, { connections: 64 }),
    path: '/v1/chat/completions',
    headers: () => all[turn++ % all.length] ?? {},
    body: (mode) => bodies[mode],
    memory: () => sum(pids.map(residentMiB)),
    cpu: () => sum(pids.map(cpuMicroseconds)),
  };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
