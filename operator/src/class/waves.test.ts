import { describe, expect, test } from 'vitest';
import { tenantClassSpec, type Wave } from '../api/tenant-class.ts';
import { decideWave, nextTenants, waveSizeOf, type Decision, type Member, type Situation } from './waves.ts';

const second = 1000;
const now = Date.parse('2026-01-01T12:00:00Z');
const ago = (seconds: number): number => now - seconds * second;
const at = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;

const member = (name: string, change: Partial<Member> = {}): Member => ({
  name,
  canary: false,
  revision: 'old',
  movedAt: undefined,
  ready: true,
  readyChangedAt: ago(9999),
  settled: true,
  ...change,
});
const moved = (name: string, change: Partial<Member> = {}): Member => member(name, { revision: 'new', movedAt: ago(100), ...change });
const broken = (name: string, seconds: number): Member => moved(name, { ready: false, readyChangedAt: ago(seconds) });
const wave = (tenants: string[], change: Partial<Wave> = {}): Wave => ({ wave: 1, tenants, startTime: at(ago(100)), ...change });

const decide = (members: readonly Member[], given: object = {}, before?: Wave, change: Partial<Situation> = {}): Decision => {
  const { rollout } = tenantClassSpec.parse({ rollout: { waveSize: 2, unreadySeconds: 60, ...given } });
  return decideWave({ wanted: 'new', atOnce: false, rollout, wave: before, members, now, ...change });
};
const names = (decision: Decision) => decision.wave?.tenants;
const five = ['a', 'b', 'c', 'd', 'e'].map((name) => member(name));

describe('the tenants that go next', () => {
  test.each<[string, readonly Member[], number, readonly string[]]>([
    ['are as many as a wave holds, by name', five, 2, ['a', 'b']],
    [
      'are all canaries first, however many',
      [...five, ...['x', 'y', 'z'].map((name) => member(name, { canary: true }))],
      2,
      ['x', 'y', 'z'],
    ],
    ['are those that serve, before those that do not', [member('a', { ready: false }), ...five.slice(1)], 2, ['b', 'c']],
    ['are those that do not serve, when nobody else is left', [member('a', { ready: false })], 2, ['a']],
  ])('%s', (_, left, size, expected) => {
    expect(nextTenants(left, size).map(({ name }) => name)).toEqual(expected);
  });

  test.each([
    ['3', 40, 3],
    ['25%', 40, 10],
    ['10%', 41, 5],
    ['1%', 3, 1],
    ['50%', 0, 1],
    ['100%', 7, 7],
  ])('%s of %i are %i', (size, members, expected) => {
    expect(waveSizeOf(size, members)).toBe(expected);
  });
});

describe('without waves', () => {
  test.each<[string, Decision, boolean]>([
    [
      'a class is done when all have moved',
      decideWave({ wanted: 'new', atOnce: true, rollout: undefined, wave: undefined, members: [moved('a')], now }),
      true,
    ],
    [
      'it is not while one has not',
      decideWave({ wanted: 'new', atOnce: true, rollout: undefined, wave: undefined, members: [moved('a'), member('b')], now }),
      false,
    ],
    [
      'it is done when it has no tenant',
      decideWave({ wanted: 'new', atOnce: true, rollout: undefined, wave: undefined, members: [], now }),
      true,
    ],
    ['the way back takes none, paused or not', decide([broken('a', 99)], { paused: true }, undefined, { atOnce: true }), true],
  ])('%s', (_, { complete, wave: none }, expected) => {
    expect({ complete, none }).toEqual({ complete: expected, none: undefined });
  });
});

describe('a wave', () => {
  test('begins as soon as the class wants another revision', () => {
    expect(decide(five)).toMatchObject({ wave: { wave: 1, tenants: ['a', 'b'] }, hold: { reason: 'RollingOut' } });
  });

  test.each<[string, readonly Member[]]>([
    ['has not moved', [member('a'), moved('b')]],
    ['has agents that have not followed', [moved('a', { settled: false }), moved('b')]],
    ['stopped being Ready a moment ago', [broken('a', 5), moved('b')]],
  ])('waits for a tenant that %s', (_, inWave) => {
    const { wave: same, hold } = decide([...inWave, ...five.slice(2)], {}, wave(['a', 'b']));
    expect(same).toMatchObject({ wave: 1, tenants: ['a', 'b'] });
    expect(hold?.message).toMatch(/wave 1 waits for a; .* of 5 tenants are on revision new/);
  });

  test.each<[string, readonly Member[]]>([
    ['all have moved and settled', [moved('a'), moved('b')]],
    ['one was not Ready before it was moved either', [moved('a', { ready: false, readyChangedAt: ago(500) }), moved('b')]],
    ['one has left the class', [moved('b')]],
  ])('is followed by the next when %s', (_, inWave) => {
    expect(decide([...inWave, ...five.slice(2)], {}, wave(['a', 'b']))).toMatchObject({ wave: { wave: 2, tenants: ['c', 'd'] } });
  });

  test('that was the last completes the rollout', () => {
    expect(decide([moved('a'), moved('b')], {}, wave(['a', 'b']))).toEqual({ complete: true });
  });

  const editing = (movedAt: number | undefined) =>
    decide([moved('a', { settled: false, movedAt }), moved('b'), ...five.slice(2)], {}, wave(['a', 'b']));
  test('waits for the agents of a tenant that is Ready, until its patience with them is over', () => {
    expect(editing(ago(299))).toMatchObject({ wave: { wave: 1 }, lookAgainAt: now + second });
    expect(editing(ago(300))).toMatchObject({ wave: { wave: 2, tenants: ['c', 'd'] } });
  });
  test('has no less patience with agents of a tenant that began on the revision, and as much as is tolerated of others', () => {
    expect(editing(undefined).lookAgainAt).toBe(ago(100) + 300 * second);
    const slow = decide([moved('a', { settled: false }), ...five.slice(2)], { unreadySeconds: 900 }, wave(['a']));
    expect(slow.lookAgainAt).toBe(ago(100) + 900 * second);
  });
  test('is woken at the first of what it waits for', () => {
    const waiting = [moved('a', { settled: false }), broken('b', 5), broken('c', 15), ...five.slice(3)];
    expect(decide(waiting, {}, wave(['a', 'b'])).lookAgainAt).toBe(ago(15) + 60 * second);
  });
  test('that ended without waiting for agents any longer completes the rollout', () => {
    const last = moved('a', { settled: false, movedAt: ago(300) });
    expect(decide([last, moved('b')], {}, wave(['a', 'b']))).toEqual({ complete: true });
  });

  test('is woken when a tenant has been not Ready for too long', () => {
    expect(decide([broken('a', 5), ...five.slice(1)], {}, wave(['a'])).lookAgainAt).toBe(ago(5) + 60 * second);
  });
});

describe('between waves', () => {
  const done = [moved('a'), moved('b'), ...five.slice(2)];
  test('the end of the wave is noted, once', () => {
    expect(decide(done, { pauseSeconds: 30 }, wave(['a', 'b'])).wave?.completionTime).toBe(at(now));
    const noted = wave(['a', 'b'], { completionTime: at(ago(10)) });
    expect(decide(done, { pauseSeconds: 30 }, noted).wave).toEqual(noted);
  });
  test('the pause is waited for, and told with its end', () => {
    const { hold, lookAgainAt } = decide(done, { pauseSeconds: 30 }, wave(['a', 'b'], { completionTime: at(ago(10)) }));
    expect(hold).toEqual({
      reason: 'WavePause',
      message: `the next wave begins at ${at(now + 20 * second)}; 2 of 5 tenants are on revision new`,
    });
    expect(lookAgainAt).toBe(now + 20 * second);
  });
  test('the next begins when the pause is over', () => {
    expect(names(decide(done, { pauseSeconds: 30 }, wave(['a', 'b'], { completionTime: at(ago(31)) })))).toEqual(['c', 'd']);
  });
  test('nothing begins while the rollout is held', () => {
    expect(decide(done, { paused: true }, wave(['a', 'b']))).toMatchObject({ wave: { wave: 1 }, hold: { reason: 'RolloutPaused' } });
    expect(decide(five, { paused: true })).toMatchObject({ hold: { reason: 'RolloutPaused' } });
  });
});

describe('a rollout', () => {
  const rest = five.slice(2);
  test('stops when more tenants than tolerated stopped being Ready, and names them', () => {
    const { wave: held, hold } = decide([broken('a', 61), moved('b'), ...rest], {}, wave(['a', 'b']));
    expect(held).toMatchObject({ tenants: ['a', 'b'], stopped: true });
    expect(hold).toMatchObject({
      reason: 'RolloutStopped',
      message: expect.stringMatching(/1 tenants .*maxUnready \(0\): a; .*Edit the class back/) as unknown,
    });
  });
  test('stops for a tenant of an earlier wave as well', () => {
    expect(decide([broken('a', 61), moved('b'), moved('c'), ...five.slice(3)], {}, wave(['b', 'c'], { wave: 2 })).hold?.reason).toBe(
      'RolloutStopped',
    );
  });
  test('goes on with as many as are tolerated', () => {
    expect(names(decide([broken('a', 61), moved('b'), ...rest], { maxUnready: 1 }, wave(['a', 'b'])))).toEqual(['c', 'd']);
  });
  test('goes on by itself when they are Ready again', () => {
    const { wave: next } = decide([moved('a'), moved('b'), ...rest], {}, wave(['a', 'b'], { stopped: true }));
    expect(next).toMatchObject({ wave: 2, tenants: ['c', 'd'] });
    expect(next?.stopped).toBeUndefined();
  });
  test('is not stopped by a tenant that began on the wanted revision', () => {
    const newcomer = member('n', { revision: 'new', ready: false, readyChangedAt: ago(500) });
    expect(decide([newcomer, moved('a'), moved('b'), ...rest], {}, wave(['a', 'b'])).hold?.reason).toBe('RollingOut');
  });
});

test('a thousand tenants take as many waves as their size says, and each is moved once', () => {
  let members: readonly Member[] = Array.from({ length: 1000 }, (_, index) => member(`t-${index}`, { canary: index < 3 }));
  let current: Wave | undefined;
  const order: string[] = [];
  for (let round = 0; round < 20; round += 1) {
    const decision = decide(members, { waveSize: '10%' }, current);
    if (decision.complete) break;
    current = decision.wave;
    order.push(...(current?.tenants ?? []));
    const going = new Set(current?.tenants);
    members = members.map((one) => (going.has(one.name) ? { ...one, revision: 'new', movedAt: now } : one));
  }
  expect(current?.wave).toBe(11);
  expect(order.slice(0, 3)).toEqual(['t-0', 't-1', 't-2']);
  expect([order.length, new Set(order).size]).toEqual([1000, 1000]);
});
