/** Whatever happens in whatever order. */
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { lowPriority, WorkQueue } from './work-queue.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('no key is lost, and none is given to two', async () => {
  vi.useRealTimers();
  const action = fc.record({
    what: fc.constantFrom('add', 'delay', 'take', 'done'),
    key: fc.constantFrom('a', 'b', 'c'),
    priority: fc.integer({ min: -1, max: 1 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 60 }), async (actions) => {
      let now = 0;
      const queue = new WorkQueue({
        maxBackoffMs: 1_000,
        lowBesideNormal: 1,
        now: () => now,
        group: (key) => (key === 'a' ? 'one' : 'other'),
      });
      const wanted = new Set<string>();
      const busy = new Set<string>();
      const take = (key: string | undefined): void => {
        if (key === undefined) return;
        expect(busy.has(key)).toBe(false);
        busy.add(key);
        wanted.delete(key);
      };
      for (const { what, key, priority } of actions) {
        now++;
        if (what === 'add' || what === 'delay') {
          queue.add(key, { priority, afterMs: what === 'delay' ? 1 : 0 });
          wanted.add(key);
        } else if (what === 'take') {
          void queue.take().then(take);
        } else {
          queue.done(key);
          busy.delete(key);
        }
        await Promise.resolve();
      }
      for (let round = 0; round < 80 && wanted.size > 0; round++) {
        now += 10;
        for (const key of [...busy]) {
          busy.delete(key);
          queue.done(key);
        }
        void queue.take().then(take);
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      queue.close();
      expect([...wanted]).toEqual([]);
    }),
    { numRuns: 60 },
  );
});

test('a key is handed out at the highest priority of those adds that are due by then', async () => {
  const action = fc.record({
    what: fc.constantFrom('add', 'add', 'add', 'pass', 'take', 'take', 'done', 'edit', 'rest'),
    key: fc.constantFrom('a', 'b', 'c'),
    priority: fc.constantFrom(lowPriority, 0),
    ms: fc.integer({ min: 0, max: 4 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 80, size: 'max' }), async (actions) => {
      const queue = new WorkQueue({ maxBackoffMs: 1_000, lowBesideNormal: 0, now: () => Date.now() });
      const adds = new Map<string, { priority: number; dueAt: number }[]>();
      const busy = new Map<string, 'low' | 'normal'>();
      const wrong: string[] = [];
      let takers = 0;
      const due = (key: string) => {
        const priorities = adds.get(key)?.flatMap(({ priority, dueAt }) => (dueAt <= Date.now() ? priority : [])) ?? [];
        if (priorities.length === 0 || busy.has(key)) return undefined;
        return Math.max(...priorities) < 0 ? 'low' : 'normal';
      };
      // While one of the normal priority is worked on, nothing lower is handed out: so it shows what a key counts as.
      const mayGo = (level: 'low' | 'normal' | undefined) =>
        level === 'normal' || (level === 'low' && ![...busy.values()].includes('normal'));
      const take = (key = '') => {
        takers--;
        const level = due(key);
        if (!mayGo(level)) wrong.push(`${key} is ${level}`);
        adds.delete(key);
        busy.set(key, level ?? 'low');
      };
      const add = (key: string, priority: number, ms: number) => {
        adds.set(key, [...(adds.get(key) ?? []), { priority, dueAt: Date.now() + ms }]);
        queue.add(key, { priority, afterMs: ms });
      };
      const askForOne = () => {
        takers++;
        void queue.take().then(take);
      };
      const done = (key: string) => {
        busy.delete(key);
        queue.done(key);
      };
      for (const { what, key, priority, ms } of actions) {
        if (what === 'add') add(key, priority, ms);
        else if (what === 'edit') add('edit', 0, 0);
        else if (what === 'done') done(key);
        else if (what === 'rest') done('edit');
        else if (what === 'take') askForOne();
        await vi.advanceTimersByTimeAsync(what === 'pass' ? ms : 0);
        expect(wrong).toEqual([]);
        expect(takers > 0 && [...adds.keys()].map(due).some(mayGo), 'a worker and a key wait for each other').toBe(false);
      }
      queue.close();
    }),
    { numRuns: 300 },
  );
});
