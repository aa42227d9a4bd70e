import { performance } from 'node:perf_hooks';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { collectWhenIdle } from './idle-collection.ts';

let heap = 100;
let utilization = 0;
const collect = vi.fn(() => void (heap = 60));
const trim = vi.fn();
let stop: () => void;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  vi.spyOn(performance, 'eventLoopUtilization').mockImplementation(() => ({ idle: 0, active: 0, utilization }));
  [heap, utilization] = [100, 0];
  stop = collectWhenIdle(trim, collect, () => heap);
});
afterEach(() => {
  stop();
  collect.mockClear();
  trim.mockClear();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

test('what a start left behind is collected once it is over, and then never again while nothing grows', () => {
  utilization = 0.9;
  vi.advanceTimersByTime(20_000);
  expect(collect).not.toHaveBeenCalled();
  utilization = 0.01;
  vi.advanceTimersByTime(600_000);
  expect(collect).toHaveBeenCalledTimes(1);
  expect(trim).toHaveBeenCalledTimes(1);
});

test('what a burst left behind is collected after it', () => {
  vi.advanceTimersByTime(5_000);
  heap = 90;
  vi.advanceTimersByTime(5_000);
  expect(collect).toHaveBeenCalledTimes(2);
});

test('what work left behind is collected after it, even if it is less than there was', () => {
  vi.advanceTimersByTime(5_000);
  utilization = 0.2;
  vi.advanceTimersByTime(10_000);
  expect(collect).toHaveBeenCalledTimes(1);
  utilization = 0.01;
  vi.advanceTimersByTime(600_000);
  expect(collect).toHaveBeenCalledTimes(2);
});

test('once stopped it does nothing more', () => {
  stop();
  vi.advanceTimersByTime(60_000);
  expect(collect).not.toHaveBeenCalled();
});
