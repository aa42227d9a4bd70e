import { describe, expect, test } from 'vitest';
import { CircuitOpen, Circuits } from './circuits.ts';

function underTest() {
  let now = 1_000_000;
  const circuits = new Circuits({ failures: 3, firstPause: 1_000, longestPause: 4_000, memory: 60_000 }, () => now);
  const refusedFor = (agent = 'a'): number => {
    try {
      circuits.enter(agent);
      return 0;
    } catch (error) {
      if (error instanceof CircuitOpen) return error.retrySeconds;
      throw error;
    }
  };
  const fail = (times: number, agent = 'a') => {
    for (let turn = 0; turn < times; turn++) circuits.enter(agent).failed();
  };
  return { circuits, refusedFor, fail, wait: (ms: number) => (now += ms) };
}

describe('a circuit opens', () => {
  test('after failures in a row, for its agent alone, and says when to ask again', () => {
    const { refusedFor, fail } = underTest();
    fail(2);
    expect(refusedFor()).toBe(0);
    fail(1);
    expect([refusedFor(), refusedFor('b')]).toEqual([1, 0]);
  });

  test('not where an answer was between them, nor where they are long ago', () => {
    const { circuits, refusedFor, fail, wait } = underTest();
    fail(2);
    circuits.enter('a').answered();
    fail(2);
    wait(61_000);
    fail(2);
    expect(refusedFor()).toBe(0);
  });

  test('also where connections come about, but no answer', () => {
    const { circuits, refusedFor } = underTest();
    for (let turn = 0; turn < 3; turn++) {
      const passage = circuits.enter('a');
      circuits.connected('a');
      passage.failed();
    }
    expect(refusedFor()).toBe(1);
  });
});

describe('an open circuit', () => {
  test('lets one request through after each pause, and the pause doubles with each that fails, up to the longest', () => {
    const { circuits, fail, refusedFor, wait } = underTest();
    fail(3);
    for (const pause of [1, 2, 4, 4]) {
      expect(refusedFor()).toBe(pause);
      wait(pause * 1_000);
      const probe = circuits.enter('a');
      expect(refusedFor()).toBe(pause);
      probe.failed();
    }
  });

  test('lets another probe through where the first one hears nothing', () => {
    const { fail, refusedFor, wait } = underTest();
    fail(3);
    wait(1_000);
    expect([refusedFor(), refusedFor()]).toEqual([0, 1]);
    wait(1_000);
    expect([refusedFor(), refusedFor()]).toEqual([0, 1]);
  });

  test('lets the next request through as the probe where the first one never went out', () => {
    const { circuits, fail, refusedFor, wait } = underTest();
    fail(3);
    wait(1_000);
    const { untried } = circuits.enter('a');
    expect(refusedFor()).toBe(1);
    untried();
    expect([refusedFor(), refusedFor()]).toEqual([0, 1]);
  });

  test.each<[string, (circuits: Circuits, answered: () => void) => void]>([
    ['a connection that comes about', (circuits) => circuits.connected('a')],
    ['an answer', (_, answered) => answered()],
  ])('is closed by %s', (_, heal) => {
    const { circuits, fail, refusedFor, wait } = underTest();
    fail(3);
    wait(1_000);
    heal(circuits, circuits.enter('a').answered);
    expect([refusedFor(), refusedFor(), circuits.size]).toEqual([0, 0, 0]);
    fail(2);
    expect(refusedFor()).toBe(0);
  });

  test('learns nothing from requests that were under way when it opened', () => {
    const { circuits, refusedFor, wait } = underTest();
    const together = Array.from({ length: 50 }, () => circuits.enter('a'));
    for (const passage of together) passage.failed();
    expect(refusedFor()).toBe(1);
    wait(1_000);
    expect(refusedFor()).toBe(0);
  });
});

test('those that are open are counted, until they close or nobody has asked for a minute', () => {
  const { circuits, fail, wait } = underTest();
  fail(3, 'a');
  fail(3, 'b');
  fail(2, 'c');
  expect(circuits.open).toBe(2);
  circuits.connected('a');
  expect(circuits.open).toBe(1);
  wait(61_000);
  expect(circuits.open).toBe(0);
});

test('who is gone is forgotten', () => {
  const { circuits, fail, wait } = underTest();
  for (let agent = 0; agent < 100; agent++) fail(1, `agent-${agent}`);
  wait(61_000);
  fail(1, 'other');
  expect(circuits.size).toBe(1);
});
