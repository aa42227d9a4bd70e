import { describe, expect, test } from 'vitest';
import { tenantClassSpec, type TenantClassStatus } from '../api/tenant-class.ts';
import { chooseRevision, type ClassSeen, type ClassVersion } from './choice.ts';
import { revisionNameOf } from './revisions.ts';

const old = tenantClassSpec.parse({ ceilings: { quota: { pods: 5 } } });
const fresh = tenantClassSpec.parse({ ceilings: { quota: { pods: 6 } }, rollout: {} });
const [before, wanted] = [revisionNameOf('gold', old), revisionNameOf('gold', fresh)];
const kept = new Map([
  [before, old],
  [wanted, fresh],
]);
const startTime = '2026-01-01T00:00:00Z';

const version = (generation: number, uid = 'uid-gold'): ClassVersion => ({ uid, generation });
const gold = (status: TenantClassStatus = {}, spec = fresh): ClassSeen => ({ name: 'gold', version: version(2), spec, status });
const inWave = (...tenants: string[]): TenantClassStatus => ({
  wantedRevision: wanted,
  currentRevision: before,
  rollout: { wave: 1, tenants, startTime },
});
const stopped = (...tenants: string[]): TenantClassStatus => ({
  ...inWave(),
  rollout: { wave: 1, tenants, startTime, stopped: true },
});
const choose = (applied: string | undefined, seen: ClassSeen, pin?: string, revisions = kept) =>
  chooseRevision({ name: 'acme', pin, applied, seen: undefined }, seen, revisions);

test('a revision is named by what tenants feel of a class, and by nothing else', () => {
  const also = { ...fresh, default: true, rollout: undefined };
  expect(revisionNameOf('gold', also)).toBe(wanted);
  expect(revisionNameOf('silver', fresh)).not.toBe(wanted);
  expect(before).not.toBe(wanted);
});

describe('a tenant is on', () => {
  test.each<[string, string | undefined, string | undefined]>([
    ['the wanted revision when it is new', wanted, choose(undefined, gold())],
    ['the wanted revision when it is new and a rollout is under way without it', wanted, choose(undefined, gold(inWave('bravo')))],
    ['the revision before when it is new and the rollout was stopped', before, choose(undefined, gold(stopped('bravo')))],
    ['its own while it is in no wave', before, choose(before, gold(inWave('bravo')))],
    ['the wanted one when its wave has come', wanted, choose(before, gold(inWave('acme')))],
    ['its own when its wave was stopped before it moved', before, choose(before, gold(stopped('acme')))],
    ['the wanted one at once where the class has no rollout', wanted, choose(before, gold({}, { ...fresh, rollout: undefined }))],
    [
      'the wanted one at once when the class goes back to what all were on',
      wanted,
      choose(before, gold({ wantedRevision: before, currentRevision: wanted })),
    ],
    [
      'its own when the wave is that of an edit before this one',
      before,
      choose(before, gold({ ...inWave('acme'), wantedRevision: 'gold-x' })),
    ],
    ['the one that it is pinned to, whatever wave has come', before, choose(wanted, gold(inWave('acme')), before)],
    ['its own when it is pinned to a revision that is none', wanted, choose(wanted, gold(), 'gold-none')],
    ['none when it is pinned to a revision that is none and had none before', undefined, choose(undefined, gold(), 'gold-none')],
    ['its own until the wanted one is kept', before, choose(before, gold(inWave('acme')), undefined, new Map([[before, old]]))],
    ['none until one is kept', undefined, choose(undefined, gold(), undefined, new Map())],
    ['the wanted one when its own is of another class', wanted, choose('silver-1', gold(inWave('bravo')))],
    [
      'its own when the class cannot be read',
      before,
      choose(before, { name: 'gold', version: version(2), spec: undefined, status: undefined }),
    ],
  ])('%s', (_, expected, chosen) => {
    expect(chosen).toBe(expected);
  });
});

describe('a class that goes back to what all were on, as the cache has it,', () => {
  const back = gold({ wantedRevision: before, currentRevision: wanted });
  const goes = (seen: ClassVersion | undefined, applied = before, pin?: string) =>
    chooseRevision({ name: 'acme', pin, applied, seen }, back, kept);

  test('moves a tenant that has seen nothing newer of it', () => {
    expect([goes(undefined), goes(version(1)), goes(version(2))]).toEqual([wanted, wanted, wanted]);
  });
  test('moves none that has: it is of the past', () => {
    expect(goes(version(3))).toBe(before);
  });
  test('gives none another revision whose own is not in the cache yet', () => {
    expect(goes(version(3), 'gold-newest')).toBeUndefined();
  });
  test('moves one that saw a later spec of another class of its name', () => {
    expect(goes(version(3, 'uid-of-the-class-before'))).toBe(wanted);
  });
  test('moves one that is pinned to another of its revisions', () => {
    expect(goes(version(3), before, wanted)).toBe(wanted);
  });
});
