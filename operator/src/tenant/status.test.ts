import { findCondition, type Condition } from 'kube-runtime';
import { describe, expect, test } from 'vitest';
import { tenantSpec, type TenantStatus } from '../api/tenant.ts';
import { check, parts, warnings } from './checks.ts';
import type { Tenant, TenantClass } from '../kinds.ts';
import { agentNamed, classNamed, namespaceOwnedBy, snapshot, tenantNamed, worldOf } from './snapshot.fixture.ts';
import { standingOf } from './standing.ts';
import { bareStatus, tenantStatusOf } from './status.ts';

const day = (number: number) => new Date(Date.UTC(2026, 0, number));
type Given = NonNullable<Parameters<typeof snapshot>[0]>;
const tenantOf = (generation: number, status?: TenantStatus): Tenant => {
  const tenant = tenantNamed('acme');
  return { ...tenant, metadata: { ...tenant.metadata, generation }, ...(status && { status }) };
};
const judged = (given: Given, now = day(1), before?: TenantStatus, generation = 1): TenantStatus => {
  const seen = snapshot(given);
  return tenantStatusOf({ ...seen, tenant: { ...tenantOf(generation, before), spec: seen.tenant.spec } }, { findings: check(seen) }, now);
};
const ghost = { spec: { classRef: { name: 'ghost' } } };
const stray = { networkPolicies: [{ metadata: { name: 'foreign' }, spec: { podSelector: {}, egress: [{}] } }] };
const conditionOf = ({ conditions }: TenantStatus, type: string): Condition | undefined => findCondition(conditions, type);
const unlookedAt = ['NamespaceReady', 'NetworkIsolated', 'CredentialsReady', 'DataReady', 'EndpointReady', 'ModelsReady'];

describe('a new tenant that something blocks', () => {
  test('claims nothing of what was not looked at, and says what comes first', () => {
    const status = judged(ghost);
    for (const type of unlookedAt)
      expect(conditionOf(status, type)).toMatchObject({
        status: 'Unknown',
        reason: 'Pending',
        message: 'not looked at: QuotaReady comes first (ClassNotFound)',
      });
    expect(conditionOf(status, 'QuotaReady')).toMatchObject({ status: 'False', reason: 'ClassNotFound' });
    expect(conditionOf(status, 'Stalled')?.status).toBe('True');
    expect(status.isolation).toBe('Pending');
  });
  test('tells of its agents and of policies that open more, which are looked at all the same', () => {
    const status = judged({ ...ghost, ...stray, agents: [agentNamed('a', { Ready: 'False' })] });
    expect(conditionOf(status, 'AgentsReady')).toMatchObject({ status: 'False', reason: 'AgentsNotReady' });
    expect(conditionOf(status, 'EgressWidened')?.status).toBe('True');
    expect(status.isolation).toBe('Pending');
  });
  test('has the same status when it is looked at again', () => {
    const once = judged(ghost, day(1));
    expect(judged(ghost, day(2), once)).toEqual(once);
  });
  test('is judged anew once nothing blocks it', () => {
    const status = judged({}, day(2), judged(ghost, day(1)));
    for (const type of parts) expect(conditionOf(status, type)?.status).toBe('True');
    expect(status.isolation).toBe('Closed');
  });
});

describe('a tenant that was fine', () => {
  const fine = judged({});
  test.each<[string, Given, TenantStatus['isolation']]>([
    ['its class is gone', ghost, 'Closed'],
    ['its class is gone, and a policy opens more', { ...ghost, ...stray }, 'Widened'],
    [
      'its namespace is going',
      { namespace: { metadata: { ...namespaceOwnedBy(tenantNamed('acme')).metadata, deletionTimestamp: 'x' } } },
      'Pending',
    ],
  ])('keeps what was known of it when %s', (_, given, isolation) => {
    const status = judged(given, day(2), fine, 2);
    const found = new Set<string>(check(snapshot(given)).map(({ condition }) => condition));
    for (const type of unlookedAt.filter((one) => !found.has(one))) expect(conditionOf(status, type)).toEqual(conditionOf(fine, type));
    expect(conditionOf(status, 'Ready')?.status).toBe('False');
    expect(status.isolation).toBe(isolation);
  });
});

describe('the class that put a tenant on its revision', () => {
  const classOf = (generation: number, pods: number, uid = 'uid-plain') => {
    const plain = classNamed('plain', { default: true, ceilings: { quota: { pods } } });
    return { ...plain, metadata: { ...plain.metadata, uid, generation } };
  };
  const under = (tenantClass: TenantClass, before?: TenantStatus): TenantStatus => {
    const tenant = tenantOf(1, before);
    const seen = snapshot({ tenant, standing: standingOf({ tenant, spec: tenantSpec.parse({}) }, worldOf([tenantClass])) });
    return tenantStatusOf(seen, { findings: check(seen) }, day(1));
  };
  const first = under(classOf(2, 5));

  test('is noted as it was then, not as it is after edits that move nobody', () => {
    expect(first.classSeen).toEqual({ uid: 'uid-plain', generation: 2 });
    expect(under(classOf(3, 5), first).classSeen).toEqual(first.classSeen);
    const moved = under(classOf(4, 6), first);
    expect(moved.classSeen).toEqual({ uid: 'uid-plain', generation: 4 });
    expect(moved.classRevision).not.toBe(first.classRevision);
  });
  test('is noted anew where another of its name has taken its place', () => {
    expect(under(classOf(1, 5, 'uid-next'), first).classSeen).toEqual({ uid: 'uid-next', generation: 1 });
  });
  test('is not noted of a tenant that came there before there was such a note, until it moves: nobody writes to all of them', () => {
    const old = { ...first, classSeen: undefined };
    expect(under(classOf(3, 5), old).classSeen).toBeUndefined();
    expect(under(classOf(3, 6), old).classSeen).toEqual({ uid: 'uid-plain', generation: 3 });
  });
  test('is remembered, and the revision with it, where caches know neither', () => {
    expect(under(classOf(1, 9), first)).toMatchObject({ classSeen: first.classSeen, classRevision: first.classRevision });
    expect(conditionOf(under(classOf(1, 9), first), 'QuotaReady')).toMatchObject({ status: 'False', reason: 'Pending' });
    expect(judged(ghost, day(2), first)).toMatchObject({ classSeen: first.classSeen });
  });
});

describe('a tenant of which only what is wrong is known', () => {
  const invalid = { condition: 'QuotaReady', reason: 'InvalidSpec', message: 'spec.quota: odd', blocks: true } as const;
  const bare = (status?: TenantStatus) => bareStatus(tenantOf(2, status), [invalid], day(2));
  test('claims nothing else', () => {
    const status = bare();
    for (const type of [...parts, ...warnings].filter((one) => one !== 'QuotaReady'))
      expect(conditionOf(status, type)).toMatchObject({ status: 'Unknown', reason: 'Pending' });
    expect(status.isolation).toBe('Pending');
    expect(bare(status)).toEqual(status);
  });
  test('keeps what was known of it', () => {
    const widened = judged(stray);
    const status = bare(widened);
    for (const type of [...parts, ...warnings].filter((one) => one !== 'QuotaReady'))
      expect(conditionOf(status, type)).toEqual(conditionOf(widened, type));
    expect(status.isolation).toBe('Widened');
  });
});
