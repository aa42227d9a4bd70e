import { createLogger, createRegistry } from '@cloister/telemetry';
import { once } from 'node:events';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { Worker } from 'node:worker_threads';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { z } from 'zod';
import { mostWaiting } from './bounded-export.ts';
import { collectorDouble, type CollectorDouble } from './collector.double.ts';
import { startTracing, type TracingOptions } from './tracing.ts';

async function tracingTo({ endpoint }: Pick<CollectorDouble, 'endpoint'>, changes: Partial<TracingOptions> = {}) {
  const lines: string[] = [];
  const registry = createRegistry();
  const log = createLogger({ name: 'edge', destination: { write: (line) => void lines.push(line) } });
  const options = { service: 'cloister-edge', endpoint, headersFile: undefined, ratio: 1, parentDecides: false, registry, log, ...changes };
  const tracing = await startTracing(options);
  if (!tracing) throw new Error('no tracing');
  const counted = async () => {
    const series = (await registry.metrics()).matchAll(/^cloister_tracing_spans_total\{outcome="(\w+)"\} (\d+)$/gm);
    return Object.fromEntries(series.map(([, outcome = '', spans]) => [outcome, Number(spans)]));
  };
  const warnings = () => lines.filter((line) => line.includes('spans')).map((line) => /"msg":"([^"]*)"/.exec(line)?.[1]);
  return {
    tracing,
    counted,
    warnings,
    record: (times = 1) => Array.from({ length: times }, () => tracing.serve(undefined).recorded?.end({})),
  };
}
const caller = (traceFlags: number) => ({
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
  traceFlags,
  isRemote: true,
});
const refused = { endpoint: 'http://127.0.0.1:1/v1/traces' };

/** A byte now and then, for as long as somebody listens. */
function trickle(to: Writable | null, first = ' '): void {
  to?.write(first);
  const timer = setInterval(() => to?.write(' '), 100);
  to?.once('close', () => clearInterval(timer));
}

/** Its queue is full, and nobody takes from it: the system then drops what asks for a connection. */
async function portWithoutConnections() {
  const script = `const server = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
    require('node:worker_threads').parentPort.postMessage(server.address().port);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  })`;
  const worker = new Worker(script, { eval: true });
  const [port] = z.tuple([z.number()]).parse(await once(worker, 'message'));
  const waiting = Array.from({ length: 2 }, () => connect(port, '127.0.0.1').on('error', () => undefined));
  await Promise.all(waiting.map((socket) => once(socket, 'connect')));
  const end = async () => {
    for (const socket of waiting) socket.destroy();
    await worker.terminate();
  };
  return { port, [Symbol.asyncDispose]: end };
}

describe('without a collector', () => {
  test('there is no tracing', async () => {
    const [registry, log] = [createRegistry(), createLogger({ name: 's', level: 'silent' })];
    const options = { service: 's', endpoint: undefined, headersFile: undefined, ratio: 1, parentDecides: true, registry, log };
    expect(await startTracing(options)).toBeUndefined();
  });

  test('nothing of the SDK is loaded but what reads tracestate: what imports it is itself imported late', () => {
    const root = join(import.meta.dirname, '../../..');
    const texts = globSync('*/src/**/*.ts', { cwd: root })
      .filter((path) => !/\.(test|double|fixture)\.ts$/.test(path))
      .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));
    const importing = (what: RegExp) => texts.filter(({ text }) => what.test(text)).map(({ path }) => path);
    const exporting = ['gateway/src/tracing/bounded-export.ts', 'gateway/src/tracing/otlp-tracing.ts'];
    expect(importing(/from '@opentelemetry\/(?!api')/).sort()).toEqual([...exporting, 'telemetry/src/trace.ts']);
    expect(importing(/^import \{ TraceState \} from '@opentelemetry\/core'/m)).toEqual(['telemetry/src/trace.ts']);
    expect(importing(/from '.*\/bounded-export\.ts'/)).toEqual(['gateway/src/tracing/otlp-tracing.ts']);
    expect(importing(/from '.*\/otlp-tracing\.ts'/)).toEqual([]);
  });
});

describe('which requests are recorded', () => {
  test.each([
    { sampled: 1, ratio: 0, parentDecides: false, recorded: false },
    { sampled: 0, ratio: 1, parentDecides: false, recorded: true },
    { sampled: 1, ratio: 0, parentDecides: true, recorded: true },
    { sampled: 0, ratio: 1, parentDecides: true, recorded: false },
  ])('is decided by who asks only where that is believed: %j', async ({ sampled, recorded, ...how }) => {
    const { tracing } = await tracingTo(refused, how);
    const served = tracing.serve(caller(sampled));
    expect(served.recorded !== undefined).toBe(recorded);
    expect(served.context).toMatchObject({ traceId: caller(1).traceId, traceFlags: recorded ? 1 : 0 });
    expect(served.context.spanId).not.toBe(caller(1).spanId);
    await tracing.close();
  });

  test('is a matter of chance for each, so that no choice of ids gets more recorded than the ratio', async () => {
    const { tracing } = await tracingTo(refused, { ratio: 0.25 });
    const recorded = Array.from({ length: 4_000 }, () => tracing.serve(caller(1)).recorded).filter(Boolean).length;
    expect(recorded).toBeGreaterThan(800);
    expect(recorded).toBeLessThan(1_200);
    await tracing.close();
  });

  test('what is asked for a request is recorded as the request is', async () => {
    await using collector = await collectorDouble();
    const { tracing } = await tracingTo(collector, { ratio: 0, parentDecides: true });
    const request = tracing.serve(caller(1)).recorded;
    request?.asking('chat m', {}).end({});
    request?.end({});
    await tracing.close();
    expect(collector.spans.map(({ name }) => name)).toEqual(['chat m', 'HTTP']);
  });
});

describe('a collector', () => {
  test('gets what is left when the process ends, and headers as they stand in the file at that moment', async () => {
    await using collector = await collectorDouble();
    const folder = mkdtempSync(join(tmpdir(), 'tracing-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const headersFile = join(folder, 'headers');
    writeFileSync(headersFile, 'authorization=Bearer one,x-team=a=b\n');
    const { tracing, record, counted } = await tracingTo(collector, { headersFile });
    record();
    await vi.waitFor(() => expect(collector.spans).toHaveLength(1), 5_000);
    writeFileSync(headersFile, 'authorization=Bearer two\n');
    record(2);
    await tracing.close();
    expect(collector.headers.map((one) => [one.authorization, one['x-team']])).toEqual([
      ['Bearer one', 'a=b'],
      ['Bearer two', undefined],
    ]);
    expect(await counted()).toEqual({ exported: 3, failed: 0, dropped: 0 });
  });

  test('that is away holds nobody up; what it did not take is counted, and the log says so once', async () => {
    await using collector = await collectorDouble();
    collector.refuse = (response) => void response.writeHead(400).end();
    const { record, counted, warnings, tracing } = await tracingTo(collector);
    for (let turn = 1; turn <= 2; turn++) {
      record(3);
      await vi.waitFor(async () => expect(await counted()).toMatchObject({ failed: 3 * turn }), 5_000);
    }
    expect(warnings()).toEqual(['spans cannot be exported']);
    collector.refuse = undefined;
    record();
    await tracing.close();
    expect(warnings()).toEqual(['spans cannot be exported', 'spans are exported again']);
    expect(await counted()).toEqual({ exported: 1, failed: 6, dropped: 0 });
  });

  test('at which no connection comes about, since what is sent to it vanishes, is given up as soon', { timeout: 20_000 }, async () => {
    await using nowhere = await portWithoutConnections();
    const { record, counted, tracing } = await tracingTo({ endpoint: `http://127.0.0.1:${nowhere.port}/v1/traces` });
    record();
    await vi.waitFor(async () => expect(await counted()).toEqual({ exported: 0, failed: 1, dropped: 0 }), 8_000);
    record();
    const started = performance.now();
    await tracing.close();
    expect(performance.now() - started).toBeLessThan(7_000);
  });

  test.each([
    ['answers without an end', (response: ServerResponse) => trickle(response.writeHead(200))],
    ['begins to answer without an end', ({ socket }: ServerResponse) => trickle(socket, 'HTTP/1.1 200 OK\r\nx-slow: ')],
  ])(
    'that %s is cut off after five seconds: its spans have failed, and those after them are sent to it',
    { timeout: 20_000 },
    async (_, refuse) => {
      await using collector = await collectorDouble();
      const cutOff = Promise.withResolvers<unknown>();
      collector.refuse = (response) => {
        collector.refuse = undefined;
        response.once('close', () => cutOff.resolve(undefined));
        refuse(response);
      };
      const { record, counted, tracing } = await tracingTo(collector);
      record(mostWaiting);
      const all = { exported: mostWaiting - 512, failed: 512, dropped: 0 };
      await vi.waitFor(async () => expect(await counted()).toEqual(all), 8_000);
      await cutOff.promise;
      collector.refuse = refuse;
      record();
      const started = performance.now();
      await tracing.close();
      expect(performance.now() - started).toBeLessThan(6_000);
    },
  );

  test(
    'that never answers is waited for by nobody: so many spans are kept for it, the others are dropped and counted',
    { timeout: 20_000 },
    async () => {
      await using collector = await collectorDouble();
      collector.refuse = () => undefined;
      const { record, counted, tracing } = await tracingTo(collector);
      record(mostWaiting + 100);
      expect(await counted()).toEqual({ exported: 0, failed: 0, dropped: 100 });
      const started = performance.now();
      await tracing.close();
      expect(performance.now() - started).toBeLessThan(7_000);
      await vi.waitFor(async () => expect(await counted()).toEqual({ exported: 0, failed: mostWaiting, dropped: 100 }), 3_000);
    },
  );
});
