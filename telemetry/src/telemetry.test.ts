import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import {
  childSpan,
  createLogger,
  createRegistry,
  formatTraceparent,
  linesTogether,
  parseTraceparent,
  serveMetrics,
  setTraceHeaders,
  spanOfCaller,
} from './index.ts';

const lines = () => {
  const written: string[] = [];
  return { written, destination: { write: (line: string) => void written.push(line) } };
};

test('a log line is JSON with level, time, component and fields', () => {
  const { written, destination } = lines();
  createLogger({ name: 'edge', fields: { tenant: 'acme' }, destination }).info({ status: 200 }, 'request');
  expect(JSON.parse(written[0] ?? '')).toMatchObject({ level: 'info', name: 'edge', tenant: 'acme', status: 200, msg: 'request' });
});

test('what is logged in one turn of the event loop is written together, right after it', async () => {
  const path = join(mkdtempSync(join(tmpdir(), 'lines-')), 'log');
  const file = openSync(path, 'w');
  const log = createLogger({ name: 'edge', destination: linesTogether(file) });
  log.info('one');
  log.info('two');
  expect(readFileSync(path, 'utf8')).toBe('');
  await nextTurn();
  expect(messagesIn(readFileSync(path, 'utf8'))).toEqual(['one', 'two']);
  closeSync(file);
});

test.each([
  ['by itself', ''],
  ['by process.exit', 'process.exit(1);'],
  ['by an error that nobody caught', 'throw new Error("unforeseen");'],
])('a process that ends %s has written all that it logged', (_how, ending) => {
  const script = `import { createLogger } from ${JSON.stringify(import.meta.resolve('./index.ts'))};
    const log = createLogger({ name: 'edge' }); for (let line = 0; line < 500; line++) log.info(String(line)); ${ending}`;
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8' });
  expect(messagesIn(stdout)).toEqual(Array.from({ length: 500 }, (_, line) => String(line)));
});

const messagesIn = (text: string) => [...text.matchAll(/"msg":"(\w+)"/g)].map(([, message]) => message);

test('secrets and content are struck out of log lines, at any of three depths', () => {
  const { written, destination } = lines();
  createLogger({ name: 'edge', destination }).info({ password: 'hunter2', a: { authorization: 'hunter2', b: { messages: ['hunter2'] } } });
  expect(written.join('')).not.toContain('hunter2');
});

test('of an error its name, message, stack, code and cause are logged, and nothing that was hung on it', () => {
  const { written, destination } = lines();
  const cause = new Error('connection lost');
  const error = Object.assign(new Error('no answer', { cause }), {
    code: 'ECONNRESET',
    headers: { authorization: 'hunter2' },
    body: 'hunter2',
  });
  createLogger({ name: 'edge', destination }).error({ err: error }, 'failed');
  expect(JSON.parse(written[0] ?? '')).toMatchObject({
    err: { type: 'Error', message: 'no answer', code: 'ECONNRESET', cause: 'connection lost' },
  });
  expect(written.join('')).not.toContain('hunter2');
});

test('what is logged is struck out in a copy, never in the object that was given', () => {
  const { destination } = lines();
  const given = { call: { token: 'hunter2' }, list: [{ secret: 'hunter2' }] };
  createLogger({ name: 'edge', destination }).info(given, 'call');
  expect(given).toEqual({ call: { token: 'hunter2' }, list: [{ secret: 'hunter2' }] });
});

test('a span keeps the trace of its caller, and says that it is not recorded, whatever the caller says of its own', () => {
  const parent = parseTraceparent('00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01');
  expect(formatTraceparent(childSpan(parent))).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-00$/);
});

test.each([undefined, '', 'x', '00-00000000000000000000000000000000-b7ad6b7169203331-01'])(
  'a bad traceparent starts a new trace: %j',
  (header) => {
    expect(parseTraceparent(header)).toBeUndefined();
    expect(formatTraceparent(childSpan(undefined))).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
  },
);

describe('what vendors say beside a trace', () => {
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const passedOn = (tracestate: string, parent = traceparent) => {
    const headers: Record<string, string | string[]> = {};
    setTraceHeaders(headers, childSpan(spanOfCaller({ traceparent: parent, tracestate })));
    return headers['tracestate'];
  };

  test('goes on with it', () => {
    expect(passedOn('one=1,two=2')).toBe('one=1,two=2');
  });

  test.each([
    ['without a trace to which it belongs', 'one=1', 'x'],
    ['where it is longer than 512 characters', `one=${'1'.repeat(600)}`, traceparent],
    ['where it has no form', 'hidden words', traceparent],
  ])('goes nowhere %s', (_, tracestate, parent) => {
    expect(passedOn(tracestate, parent)).toBeUndefined();
  });

  test('is not even kept where it is longer, since spans that wait for a collector hold it', () => {
    expect(spanOfCaller({ traceparent, tracestate: `one=1,two=${'2'.repeat(600)}` })).not.toHaveProperty('traceState');
  });
});

test('metrics are served on their own port and nothing else is', async () => {
  const server = await serveMetrics(createRegistry(), 0);
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  expect(await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()).toContain('process_cpu_seconds_total');
  expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(404);
  server.close();
});

test('probes answer on the metrics port as the process says', async () => {
  const server = await serveMetrics(createRegistry(), 0, { live: () => true, ready: () => false });
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
  expect((await fetch(`http://127.0.0.1:${port}/readyz`)).status).toBe(503);
  server.close();
});
