import { Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { TerminalError } from '../errors.ts';
import { silentLogger, type Logger } from '../logger.ts';
import { lowPriority, WorkQueue } from '../queue/work-queue.ts';
import { controllerMetrics } from './controller-metrics.ts';
import { Heartbeat } from './heartbeat.ts';
import { Workers, type Run } from './workers.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function setUp(run: Run, count = 1, log: Logger = silentLogger) {
  const queue = new WorkQueue({ maxBackoffMs: 1_000, now: () => Date.now() });
  const registry = new Registry();
  const metrics = controllerMetrics(registry, 'c', count);
  const heartbeat = new Heartbeat(registry, 'c', () => Date.now());
  const workers = new Workers({ queue, run, count, timeLimitMs: 100, metrics, heartbeat, log });
  workers.start();
  const metric = async (name: string, labels = ''): Promise<number> => {
    const line = (await registry.metrics()).split('\n').find((one) => one.startsWith(`controller_runtime_${name}{controller="c"${labels}`));
    return Number(line?.split(' ').at(-1));
  };
  const movedAt = async (): Promise<number> =>
    Number(/heartbeat_timestamp_seconds\{controller="c"\} (\S+)/.exec(await registry.metrics())?.[1]);
  return { queue, workers, metric, movedAt };
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

describe('a run', () => {
  test('that asks to be called again is, after that time', async () => {
    const at: number[] = [];
    const start = Date.now();
    const { queue } = setUp(() => Promise.resolve(at.push(Date.now() - start) === 1 ? { requeueAfter: 500 } : undefined));
    queue.add('a');
    await pass(10_000);
    expect(at).toEqual([0, 500]);
  });

  test('that fails is tried again with pauses that double, until it does well', async () => {
    const at: number[] = [];
    const start = Date.now();
    const { queue, metric } = setUp(() => {
      if (at.push(Date.now() - start) < 5) throw new Error('not yet');
      return Promise.resolve(undefined);
    });
    queue.add('a');
    await pass(10_000);
    expect(at).toEqual([0, 5, 15, 35, 75]);
    expect(await metric('reconcile_errors_total')).toBe(4);
    expect(queue.failures('a')).toBe(0);
  });

  test('that is put off behind a throttle lets the failures before it count on: what keeps failing is tried ever more slowly', async () => {
    const at: number[] = [];
    const start = Date.now();
    const { queue, metric } = setUp(() => {
      const wait = (at.at(-1) ?? -Infinity) + 100 - (Date.now() - start);
      if (wait > 0) return Promise.resolve({ postponedFor: wait });
      at.push(Date.now() - start);
      throw new Error('not yet');
    });
    queue.add('a');
    await pass(3_000);
    expect(at).toEqual([0, 100, 200, 300, 400, 500, 660, 980, 1_620, 2_620]);
    expect(queue.failures('a')).toBe(10);
    expect(await metric('reconcile_total', ',result="requeue"')).toBe(5);
    expect(await metric('reconcile_total', ',result="requeue_after"')).toBe(0);
    expect(await metric('reconcile_total', ',result="error"')).toBe(10);
  });

  test('that is put off and then does well starts anew with its pauses', async () => {
    const results: Run[] = [
      () => Promise.reject(new Error('not yet')),
      () => Promise.resolve({ postponedFor: 50 }),
      () => Promise.resolve(undefined),
    ];
    const { queue } = setUp((key, signal) => results.shift()?.(key, signal) ?? Promise.resolve(undefined));
    queue.add('a');
    await pass(20);
    expect([queue.failures('a'), results.length]).toEqual([1, 1]);
    await pass(50);
    expect([queue.failures('a'), results.length]).toEqual([0, 0]);
  });

  test('that looked at what is past is repeated with pauses that double, and is no failure', async () => {
    const at: number[] = [];
    const start = Date.now();
    const { queue, metric } = setUp(() => Promise.resolve(at.push(Date.now() - start) < 5 ? { requeue: true } : undefined));
    queue.add('a');
    await pass(10_000);
    expect(at).toEqual([0, 5, 15, 35, 75]);
    expect(await metric('reconcile_total', ',result="requeue"')).toBe(4);
    expect(await metric('reconcile_errors_total')).toBe(0);
    expect(await metric('reconcile_total', ',result="error"')).toBe(0);
  });

  test('that never sees what is present is told of, after five seconds and again', async () => {
    const warn = vi.fn<Logger['warn']>();
    const { queue } = setUp(() => Promise.resolve({ requeue: true }), 1, { ...silentLogger, warn });
    queue.add('a');
    await pass(10_000);
    expect(warn.mock.calls.map(([fields]) => fields)).toEqual([{ key: 'a', times: 10 }]);
  });

  test('that fails for good is counted and left until something changes', async () => {
    let runs = 0;
    const { queue, metric } = setUp(() => {
      runs++;
      throw new TerminalError('spec.size is not a number');
    });
    queue.add('a');
    await pass(10_000);
    expect(runs).toBe(1);
    expect(await metric('terminal_reconcile_errors_total')).toBe(1);
    queue.add('a');
    await pass(0);
    expect(runs).toBe(2);
  });

  describe('goes on at the priority that it had:', () => {
    /** In which order `a`, which comes due again while the only worker is held up, and `edit`, which is added after that, have their turns. */
    async function orderOf(first: Run, wake: (queue: WorkQueue) => void | Promise<void>) {
      const order: string[] = [];
      const { queue } = setUp(async (key, signal) => {
        if (key === 'in the way') await new Promise((resolve) => setTimeout(resolve, 20));
        else order.push(key);
        return key === 'a' ? first(key, signal) : undefined;
      });
      await wake(queue);
      await pass(3);
      order.length = 0;
      queue.add('in the way');
      await pass(12);
      queue.add('edit');
      await pass(10);
      return order.slice(0, 2);
    }
    const again: Run = () => Promise.resolve({ requeueAfter: 10 });
    const putOff: Run = () => Promise.resolve({ postponedFor: 10 });
    const failing: Run = () => Promise.reject(new Error('not yet'));
    const asReport = (queue: WorkQueue) => queue.add('a', { priority: lowPriority });

    test.each([
      ['a look that a report asked for waits behind edits', again, asReport, ['edit', 'a']],
      ['so does a report that is put off', putOff, asReport, ['edit', 'a']],
      ['so does the retry of a report', failing, asReport, ['edit', 'a']],
      ['a look that an edit asked for does not', again, (queue: WorkQueue) => queue.add('a'), ['a', 'edit']],
    ])('%s', async (_, run, wake, order) => {
      expect(await orderOf(run, wake)).toEqual(order);
    });

    test('nor when a report came in between', async () => {
      const wake = async (queue: WorkQueue) => {
        queue.add('a');
        await pass(1);
        asReport(queue);
        await pass(1);
      };
      expect(await orderOf(again, wake)).toEqual(['a', 'edit']);
    });
  });

  test('that throws a programming error is counted as a panic, and ends neither worker nor process', async () => {
    let runs = 0;
    const { queue, metric } = setUp(() => {
      if (++runs === 1) throw new TypeError('cannot read properties of undefined');
      return Promise.resolve(undefined);
    });
    queue.add('a');
    queue.add('b');
    await pass(1_000);
    expect(runs).toBe(3);
    expect(await metric('reconcile_panics_total')).toBe(1);
  });

  test('that takes too long has its signal aborted', async () => {
    let why: unknown;
    const { queue, metric } = setUp(
      (_, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            why = signal.reason;
            reject(new Error('gave up'));
          });
        }),
    );
    queue.add('a');
    await pass(101);
    expect(why).toMatchObject({ name: 'TimeoutError' });
    expect(await metric('reconcile_timeouts_total')).toBe(1);
  });

  test('that ignores its signal loses its worker, but its key is given to nobody else until it ends', async () => {
    const stuck = Promise.withResolvers<undefined>();
    const started: string[] = [];
    const { queue } = setUp((key) => {
      started.push(key);
      return key === 'stuck' && started.length === 1 ? stuck.promise : Promise.resolve(undefined);
    });
    queue.add('stuck');
    queue.add('other');
    await pass(200);
    expect(started).toEqual(['stuck']);
    queue.add('stuck');
    await pass(10_000);
    expect(started).toEqual(['stuck', 'other']);
    stuck.resolve(undefined);
    await pass(10);
    expect(started).toEqual(['stuck', 'other', 'stuck']);
  });
});

describe('the heartbeat', () => {
  test('goes on while there is nothing to do, by way of the queue and the workers', async () => {
    const { workers, movedAt, metric } = setUp(() => Promise.resolve(undefined));
    const first = await movedAt();
    await pass(60_000);
    expect(await movedAt()).toBeGreaterThan(first + 54);
    expect(workers.problem).toBeUndefined();
    expect(await metric('active_workers')).toBe(0);
  });

  test('stops when the queue hands nothing out, and the controller counts as dead after its longest run and a margin', async () => {
    const { queue, workers } = setUp(() => Promise.resolve(undefined));
    await pass(20_000);
    vi.spyOn(queue, 'take').mockImplementation(() => new Promise(() => undefined));
    await pass(34_000);
    expect(workers.problem).toBeUndefined();
    await pass(20_000);
    expect(workers.problem).toMatch(/^nothing was taken or ended for \d+ s$/);
  });

  test('does not hide that every worker was lost to a run that never ends', async () => {
    const stuck = Promise.withResolvers<undefined>();
    const { queue, workers } = setUp(() => stuck.promise, 2);
    queue.add('a');
    await pass(10_000);
    expect(workers.problem).toBeUndefined(); // the other worker goes on
    queue.add('b');
    await pass(10_000);
    expect(workers.problem).toBe('2 runs ignore their time limit and lock their objects');
    stuck.resolve(undefined);
    await pass(10);
    expect(workers.problem).toBeUndefined();
  });
});

describe('stopping', () => {
  test('lets running work end, and begins nothing new', async () => {
    const ended: string[] = [];
    const { queue, workers } = setUp(async (key) => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      ended.push(key);
      return undefined;
    });
    queue.add('running');
    queue.add('waiting');
    await pass(10);
    const stopped = workers.stop(1_000);
    await pass(50);
    await stopped;
    expect(ended).toEqual(['running']);
  });

  test('aborts work that does not end within the grace period', async () => {
    let aborted = false;
    const { queue, workers } = setUp(
      (_, signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve(void (aborted = true)))),
    );
    queue.add('a');
    await pass(0);
    const stopped = workers.stop(20);
    await pass(20);
    await stopped;
    expect(aborted).toBe(true);
  });
});

test('runs that have nothing to wait for hold up no timer for longer than a few of them take', async () => {
  vi.useRealTimers();
  let runs = 0;
  let runsBefore = Infinity;
  const { queue, workers } = setUp(() => {
    for (const until = performance.now() + 1; performance.now() < until;);
    runs++;
    return Promise.resolve(undefined);
  }, 8);
  setTimeout(() => void (runsBefore = runs), 1);
  for (let key = 0; key < 500; key++) queue.add(`key-${key}`);
  await vi.waitFor(() => expect(runs).toBe(500), { timeout: 10_000 });
  expect(runsBefore).toBeLessThan(250);
  await workers.stop(0);
});
