import { findCondition } from 'kube-runtime';
import { describe, expect, test } from 'vitest';
import { unobserved } from '../api/conditions.ts';
import { kstatus } from '../testing/kstatus.fixture.ts';
import { announcements } from './announce.ts';
import { judge, serves } from './conditions.ts';
import type { Finding } from './finding.ts';
import { reasonNames, reasons, type Reason } from './reasons.ts';

type Part = 'DataReady' | 'ModelsReady';
const object = { metadata: { name: 'acme', generation: 7 } };
const day = (number: number) => new Date(Date.UTC(2026, 0, number));
const finding = (condition: Part, reason: Reason): Finding<Part> => ({ condition, reason, message: `because of ${reason}`, blocks: false });
const parts = ['DataReady', 'ModelsReady'] as const;
const judged = (findings: readonly Finding<Part>[], now = day(1), previous?: ReturnType<typeof judge>) =>
  judge({ object, previous, findings, parts, advisory: ['ModelsReady'], good: {}, now });
const status = (type: string, conditions: ReturnType<typeof judge>) => findCondition(conditions, type)?.status;

describe('conditions', () => {
  test.each<[string, readonly Finding<Part>[], [string, string, string]]>([
    ['all is well', [], ['True', 'False', 'False']],
    ['something passes by itself', [finding('DataReady', 'DataUnreachable')], ['False', 'True', 'False']],
    ['somebody must act', [finding('DataReady', 'DataTaken')], ['False', 'False', 'True']],
    ['only advice is to be given', [finding('ModelsReady', 'ModelUnknown')], ['True', 'False', 'False']],
  ])('when %s: Ready, Reconciling, Stalled', (_, findings, expected) => {
    const conditions = judged(findings);
    expect(['Ready', 'Reconciling', 'Stalled'].map((type) => status(type, conditions))).toEqual(expected);
  });
  test('say what needs a person, and not what only takes time beside it', () => {
    const conditions = judged([finding('DataReady', 'Pending'), finding('DataReady', 'DataTaken')]);
    expect(findCondition(conditions, 'Ready')).toMatchObject({ reason: 'DataTaken', message: 'because of DataTaken' });
  });
  test('named for the trouble are True where there is some, and keep nothing from being Ready', () => {
    const warned = (findings: readonly Finding<Part | 'Widened'>[]) =>
      judge({
        object,
        previous: undefined,
        findings,
        parts,
        warnings: ['Widened'],
        good: { Widened: { reason: 'Closed', message: 'shut' } },
        now: day(1),
      });
    const bad = warned([{ condition: 'Widened', reason: 'PolicyWidens', message: 'a hole', blocks: false }]);
    expect(['Ready', 'Stalled', 'Widened'].map((type) => status(type, bad))).toEqual(['True', 'False', 'True']);
    expect(findCondition(bad, 'Widened')).toMatchObject({ reason: 'PolicyWidens', message: 'a hole' });
    expect(findCondition(warned([]), 'Widened')).toMatchObject({ status: 'False', reason: 'Closed', message: 'shut' });
  });
  test('all name the generation they are about', () => {
    for (const condition of judged([])) expect(condition.observedGeneration).toBe(7);
  });
  test('move their time only when their status changes', () => {
    const before = judged([finding('DataReady', 'Pending')], day(1));
    const same = judged([finding('DataReady', 'DataTaken')], day(2), before);
    expect(findCondition(same, 'Ready')?.lastTransitionTime).toBe('2026-01-01T00:00:00Z');
    expect(findCondition(judged([], day(3), same), 'Ready')?.lastTransitionTime).toBe('2026-01-03T00:00:00Z');
  });
  test('claim nothing of what was not looked at: it stays as it was told before, or is Unknown', () => {
    const blocked = (previous?: ReturnType<typeof judge>) =>
      judge({ object, previous, findings: [finding('ModelsReady', 'InvalidSpec')], parts, unseen: parts, good: {}, now: day(2) });
    expect(findCondition(blocked(), 'DataReady')).toMatchObject({
      status: 'Unknown',
      reason: 'Pending',
      message: 'not looked at: ModelsReady comes first (InvalidSpec)',
    });
    const before = judged([finding('DataReady', 'DataTaken')]);
    expect(findCondition(blocked(before), 'DataReady')).toEqual(findCondition(before, 'DataReady'));
    expect(findCondition(blocked(before), 'ModelsReady')?.status).toBe('False');
    expect(blocked(blocked())).toEqual(blocked());
  });
  test('claim nothing any more of what is not there', () => {
    const fine = judged([]);
    const gone = (previous: ReturnType<typeof judge>) =>
      judge({
        object,
        previous,
        findings: [finding('ModelsReady', 'InvalidSpec')],
        parts,
        unseen: parts,
        absent: true,
        good: {},
        now: day(2),
      });
    expect(findCondition(fine, 'DataReady')?.status).toBe('True');
    expect(findCondition(gone(fine), 'DataReady')?.status).toBe('Unknown');
    expect(gone(gone(fine))).toEqual(gone(fine));
  });
  test('stand in the same order whatever was told before', () => {
    const types = judged([]).map(({ type }) => type);
    expect(judged([], day(2), judged([]).reverse()).map(({ type }) => type)).toEqual(types);
  });
  test('said twice are equal, so nothing is written', () => {
    const once = judged([finding('DataReady', 'Pending')], day(1));
    expect(judged([finding('DataReady', 'Pending')], day(2), once)).toEqual(once);
  });
});

describe('kstatus, which Flux and others go by, sees', () => {
  const verdictOf = (reason: Reason) =>
    kstatus({ ...object, status: { observedGeneration: 7, conditions: judged([finding('DataReady', reason)]) } });
  const expected = { good: 'Current', waits: 'InProgress', 'needs someone': 'Failed' } as const;
  const all: readonly (readonly [Reason, 'good' | 'waits' | 'needs someone'])[] = reasonNames.map((name) => [name, reasons[name].kind]);

  test.each(all)('%s as it is meant: %s', (reason, kind) => {
    expect(verdictOf(reason)).toBe(expected[kind]);
  });
  test('that a person is awaited, although something is also in progress', () => {
    const conditions = judged([finding('DataReady', 'Pending'), finding('DataReady', 'DataTaken')]);
    expect(kstatus({ ...object, status: { observedGeneration: 7, conditions } })).toBe('Failed');
  });
  test.each([
    [
      'progress before the operator has looked, by the status that the API server fills in',
      { status: { observedGeneration: unobserved } },
      'InProgress',
    ],
    ['progress after an edit', { status: { observedGeneration: 6, conditions: judged([]) } }, 'InProgress'],
    ['an end while it is deleted', { metadata: { ...object.metadata, deletionTimestamp: 'x' } }, 'Terminating'],
  ])('%s', (_, change, verdict) => {
    expect(kstatus({ ...object, ...change })).toBe(verdict);
  });
});

describe('an agent serves', () => {
  const condition = (type: string, value: 'True' | 'False') => ({ type, status: value, reason: 'X', message: '', lastTransitionTime: '' });
  test.each<[string, boolean, ['True' | 'False', 'True' | 'False', 'True' | 'False']]>([
    ['when it is Ready', true, ['True', 'True', 'False']],
    ['while new pods replace old ones', true, ['False', 'True', 'False']],
    ['not when no pod is there', false, ['False', 'False', 'False']],
    ['not as configured when the rollout fails', false, ['False', 'True', 'True']],
  ])('%s', (_, expected, [ready, available, stalled]) => {
    expect(serves([condition('Ready', ready), condition('Available', available), condition('Stalled', stalled)])).toBe(expected);
  });
});

describe('an Event tells', () => {
  const good = judged([]);
  const bad = judged([finding('DataReady', 'DataTaken')]);
  const waiting = judged([finding('DataReady', 'Pending')]);
  test.each([
    ['that it became Ready', waiting, good, ['Normal Ready']],
    ['that somebody must act', good, bad, ['Warning DataTaken']],
    ['that data cannot be reached', good, judged([finding('DataReady', 'DataUnreachable')]), ['Warning DataUnreachable']],
    ['nothing twice', bad, bad, []],
    ['nothing of what passes by itself', good, waiting, []],
  ])('%s', (_, before, after, expected) => {
    expect(announcements(before, after).map(({ type, reason }) => `${type} ${reason}`)).toEqual(expected);
  });
});

describe('of a warning an Event tells', () => {
  const widened = (status: 'True' | 'False', message: string) => [
    { type: 'Widened', status, reason: 'X', message, lastTransitionTime: '', observedGeneration: 1 },
  ];
  test.each([
    ['that it came', undefined, widened('True', 'a hole'), ['Warning Widened: a hole']],
    ['that it is about something else now', widened('True', 'a hole'), widened('True', 'two'), ['Warning Widened: two']],
    ['that it went', widened('True', 'a hole'), widened('False', 'shut'), ['Normal X: no longer Widened: shut']],
    ['nothing twice', widened('True', 'a hole'), widened('True', 'a hole'), []],
    ['nothing where there was none', undefined, widened('False', 'shut'), []],
  ])('%s', (_, before, after, expected) => {
    expect(announcements(before, after, ['Widened']).map(({ type, reason, message }) => `${type} ${reason}: ${message}`)).toEqual(expected);
  });
});
