import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { noQueueMetrics, type QueueLoad } from './queue-metrics.ts';
import { lowPriority, WorkQueue } from './work-queue.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const newQueue = () => new WorkQueue({ maxBackoffMs: 1_000, now: () => Date.now() });

const tenantOf = (key: string): string => key.split('/')[0] ?? '';

/** Takes what is ready now, without waiting. */
async function drain(queue: WorkQueue, release = true): Promise<string[]> {
  const keys: string[] = [];
  for (;;) {
    const key = await Promise.race([queue.take(), Promise.resolve('')]);
    if (!key) return keys;
    keys.push(key);
    if (release) queue.done(key);
  }
}

describe('the work queue', () => {
  test('hands out keys in the order they came', async () => {
    const queue = newQueue();
    for (const key of ['a', 'b', 'c']) queue.add(key);
    expect([await queue.take(), await queue.take(), await queue.take()]).toEqual(['a', 'b', 'c']);
  });

  test('keeps a waiting key once', async () => {
    const queue = newQueue();
    for (const key of ['a', 'a', 'b', 'a']) queue.add(key);
    expect([await queue.take(), await queue.take()]).toEqual(['a', 'b']);
    expect(await drain(queue)).toEqual([]);
  });

  test('hands a key that changed during work out once more, and only after that work', async () => {
    const queue = newQueue();
    queue.add('a');
    await queue.take();
    queue.add('a');
    queue.add('a');
    let second: string | undefined;
    void queue.take().then((key) => (second = key));
    await vi.advanceTimersByTimeAsync(10);
    expect(second).toBeUndefined();
    queue.done('a');
    await vi.advanceTimersByTimeAsync(0);
    expect(second).toBe('a');
  });

  test('works on a few of low priority at a time while there is one of the normal, and on any number otherwise', async () => {
    const queue = new WorkQueue({ maxBackoffMs: 1_000, lowBesideNormal: 2, now: () => Date.now() });
    const taken: (string | undefined)[] = [];
    const after = async (step: () => void) => {
      step();
      await vi.advanceTimersByTimeAsync(0);
      return taken.splice(0);
    };
    queue.add('edit');
    for (const key of ['a', 'b', 'c', 'd', 'e', 'f']) queue.add(key, { priority: lowPriority });
    const workers = () => Array.from({ length: 8 }, () => void queue.take().then((key) => taken.push(key)));
    expect(await after(workers)).toEqual(['edit', 'a', 'b']);
    expect(await after(() => queue.add('another'))).toEqual(['another']);
    expect(await after(() => queue.done('a'))).toEqual(['c']);
    expect(await after(() => queue.done('edit'))).toEqual([]);
    expect(await after(() => queue.done('another'))).toEqual(['d', 'e', 'f']);
  });

  test('lets a run whose worker has gone on hold back nobody, and still keeps its key', async () => {
    const queue = new WorkQueue({ maxBackoffMs: 1_000, lowBesideNormal: 1, now: () => Date.now() });
    const taken: (string | undefined)[] = [];
    queue.add('stuck');
    for (const key of ['a', 'b', 'c']) queue.add(key, { priority: lowPriority });
    for (let worker = 0; worker < 5; worker++) void queue.take().then((key) => taken.push(key));
    await vi.advanceTimersByTimeAsync(0);
    expect(taken.splice(0)).toEqual(['stuck', 'a']);
    queue.late('stuck');
    queue.add('stuck');
    await vi.advanceTimersByTimeAsync(0);
    expect(taken.splice(0)).toEqual(['b', 'c']);
    queue.done('stuck');
    await vi.advanceTimersByTimeAsync(0);
    expect(taken).toEqual(['stuck']);
  });

  test('lets edits overtake a replayed list', async () => {
    const queue = newQueue();
    queue.add('old', { priority: lowPriority });
    queue.add('older', { priority: lowPriority });
    queue.add('edit');
    queue.add('older');
    expect([await queue.take(), await queue.take(), await queue.take()]).toEqual(['edit', 'older', 'old']);
  });

  test('gives every group its turn, however many keys one of them has', async () => {
    const queue = new WorkQueue({ maxBackoffMs: 1_000, group: tenantOf });
    for (let agent = 0; agent < 100; agent++) queue.add(`noisy/${agent}`);
    queue.add('quiet/a');
    queue.add('other/a');
    queue.add('quiet/b');
    const order = await drain(queue);
    expect(order.slice(0, 6)).toEqual(['noisy/0', 'quiet/a', 'other/a', 'noisy/1', 'quiet/b', 'noisy/2']);
    expect(order).toHaveLength(103);
  });

  test('goes through a replayed list by a few keys of each group, which read the same objects, and still gives every group its turn', async () => {
    const queue = new WorkQueue({ maxBackoffMs: 1_000, group: tenantOf });
    const priority = lowPriority;
    for (let agent = 0; agent < 10; agent++) queue.add(`big/${agent}`, { priority });
    for (const key of ['small/a', 'small/b', 'other/a']) queue.add(key, { priority });
    const order = (await drain(queue)).map(tenantOf).join(' ');
    expect(order).toBe('big big big big small small other big big big big big big');
  });

  test('lets nobody gain turns by adding its keys again and again', async () => {
    const queue = new WorkQueue({ maxBackoffMs: 1_000, group: tenantOf });
    const order: (string | undefined)[] = [];
    for (let turn = 0; turn < 9; turn++) {
      for (let agent = 0; agent < 100; agent++) queue.add(`noisy/${agent}`);
      for (const quiet of ['b/1', 'c/1']) queue.add(quiet);
      const key = await queue.take();
      order.push(tenantOf(key ?? ''));
      queue.done(key ?? '');
    }
    expect(order).toEqual(['noisy', 'b', 'c', 'noisy', 'b', 'c', 'noisy', 'b', 'c']);
  });

  test('gets a replayed list done under a storm of edits', async () => {
    const queue = newQueue();
    queue.add('listed first', { priority: lowPriority });
    queue.add('listed second', { priority: lowPriority });
    const order: (string | undefined)[] = [];
    for (let turn = 0; turn < 20; turn++) {
      queue.add(`edit ${turn}`);
      queue.add(`edit ${turn} too`);
      const key = await queue.take();
      order.push(key);
      queue.done(key ?? '');
    }
    expect([order.indexOf('listed first'), order.indexOf('listed second')]).toEqual([9, 19]);
  });

  test('hands a delayed key out when its time has come', async () => {
    const queue = newQueue();
    queue.add('later', { afterMs: 200 });
    queue.add('soon', { afterMs: 100 });
    const taken: (string | undefined)[] = [];
    for (let i = 0; i < 2; i++) void queue.take().then((key) => taken.push(key));
    await vi.advanceTimersByTimeAsync(99);
    expect(taken).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(taken).toEqual(['soon']);
    await vi.advanceTimersByTimeAsync(100);
    expect(taken).toEqual(['soon', 'later']);
  });

  test('takes the earlier of two times', async () => {
    const queue = newQueue();
    queue.add('a', { afterMs: 1_000 });
    queue.add('a', { afterMs: 10 });
    queue.add('a', { afterMs: 5_000 });
    let taken: string | undefined;
    void queue.take().then((key) => (taken = key));
    await vi.advanceTimersByTimeAsync(10);
    expect(taken).toBe('a');
    queue.done('a');
    void queue.take().then((key) => (taken = `${String(key)} again`));
    await vi.advanceTimersByTimeAsync(10_000);
    expect(taken).toBe('a');
  });

  test('lets what is wanted later, but more, not come before its time', async () => {
    const queue = new WorkQueue({ maxBackoffMs: 1_000, lowBesideNormal: 0, now: () => Date.now() });
    queue.add('edit');
    expect(await queue.take()).toBe('edit');
    queue.add('a', { afterMs: 1_000 });
    queue.add('a', { priority: lowPriority });
    let taken: string | undefined;
    void queue.take().then((key) => (taken = key));
    await vi.advanceTimersByTimeAsync(999);
    expect(taken).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    expect(taken).toBe('a');
  });

  test('honours delays of weeks', async () => {
    const queue = newQueue();
    const month = 30 * 24 * 3_600_000;
    queue.add('a', { afterMs: month });
    let taken: string | undefined;
    void queue.take().then((key) => (taken = key));
    await vi.advanceTimersByTimeAsync(month - 1);
    expect(taken).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    expect(taken).toBe('a');
  });

  test('doubles the pause of a key that fails, from 5 ms to the cap, and forgets it on success', () => {
    const queue = newQueue();
    expect(Array.from({ length: 10 }, () => queue.retry('a'))).toEqual([5, 10, 20, 40, 80, 160, 320, 640, 1_000, 1_000]);
    expect(queue.retry('b')).toBe(5);
    queue.forget('a');
    expect(queue.retry('a')).toBe(5);
  });

  test('ends all waiting when closed', async () => {
    const queue = newQueue();
    const waiting = queue.take();
    queue.close();
    expect(await waiting).toBeUndefined();
    queue.add('a');
    expect(await queue.take()).toBeUndefined();
  });
});

test('the load of a queue is what waits at each priority, and nothing that is worked on or not due', async () => {
  let load: () => QueueLoad = () => ({ depth: new Map(), unfinishedMs: 0, longestMs: 0 });
  const queue = new WorkQueue({ maxBackoffMs: 1_000, metrics: { ...noQueueMetrics, observe: (read) => void (load = read) } });
  expect([...load().depth]).toEqual([
    [0, 0],
    [lowPriority, 0],
  ]);
  for (const key of ['a', 'b', 'c']) queue.add(key);
  for (const key of ['b', 'd', 'e', 'f']) queue.add(key, { priority: lowPriority });
  queue.add('later', { afterMs: 1_000 });
  expect(await queue.take()).toBe('a');
  queue.add('a');
  expect([...load().depth]).toEqual([
    [0, 2],
    [lowPriority, 3],
  ]);
  queue.close();
});
