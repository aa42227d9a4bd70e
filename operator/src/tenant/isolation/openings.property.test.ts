import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { NetworkPolicySpec, PolicyRule } from '../../kinds.ts';
import { agentsPolicy } from '../children/network-policies.ts';
import { configuration } from '../snapshot.fixture.ts';
import { openings } from './openings.ts';
import type { PolicyPeer } from './peer.ts';
import type { PolicyPort } from './port-range.ts';
import { canSelect, isWithin, type LabelSelector } from '../../selector.ts';

const ours = agentsPolicy({
  configuration: {
    ...configuration,
    redis: { ...configuration.redis, networkPeer: { ipBlock: { cidr: '10.8.0.0/16', except: ['10.8.9.0/24'] } } },
  },
});
const count = (...specs: readonly NetworkPolicySpec[]) =>
  openings({
    tenant: 'acme',
    namespace: 'tenant-acme',
    allowed: ours,
    policies: specs.map((spec, index) => ({ metadata: { name: `foreign-${index}` }, spec })),
  }).length;

const key = fc.constantFrom('a', 'b', 'app.kubernetes.io/component');
const value = fc.constantFrom('x', 'y', 'egress', 'agent');
const values = fc.uniqueArray(value, { minLength: 1, maxLength: 3 });
const expression = fc.oneof(
  fc.record({ key, operator: fc.constantFrom('In', 'NotIn'), values }),
  fc.record({ key, operator: fc.constantFrom('Exists', 'DoesNotExist') }),
);
const selector: fc.Arbitrary<LabelSelector> = fc.record({
  matchLabels: fc.dictionary(key, value, { maxKeys: 2 }),
  matchExpressions: fc.array(expression, { maxLength: 2 }),
});
const cidr = fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 })).map(([address, length]) => `${address}/${length}`);
const peer: fc.Arbitrary<PolicyPeer> = fc.oneof(
  fc.record({ ipBlock: fc.record({ cidr }) }),
  fc.record({ podSelector: selector }, { requiredKeys: ['podSelector'] }),
  fc.record({ namespaceSelector: selector, podSelector: selector }),
);
const port: fc.Arbitrary<PolicyPort> = fc.record(
  { protocol: fc.constantFrom('TCP', 'UDP'), port: fc.integer({ min: 1, max: 65_535 }) },
  { requiredKeys: [] },
);
const rule: fc.Arbitrary<PolicyRule> = fc.record({ to: fc.array(peer, { maxLength: 2 }), ports: fc.array(port, { maxLength: 2 }) });
const policy: fc.Arbitrary<NetworkPolicySpec> = fc.record({
  podSelector: selector,
  policyTypes: fc.constant(['Egress']),
  egress: fc.array(rule, { maxLength: 3 }),
});

/** The same, for fewer: more labels asked of pods and namespaces, a part of the addresses. */
const narrower = (whole: PolicyPeer): fc.Arbitrary<PolicyPeer> =>
  fc.tuple(selector, fc.integer({ min: 0, max: 255 }), fc.integer({ min: 24, max: 32 })).map(([more, byte, length]) => {
    if (whole.ipBlock) return { ipBlock: byte === 9 ? whole.ipBlock : { cidr: `10.8.${byte}.0/${length}` } };
    const narrowed = ({ matchLabels, matchExpressions = [] }: LabelSelector = {}): LabelSelector => ({
      matchLabels: { ...more.matchLabels, ...matchLabels },
      matchExpressions: [...matchExpressions, ...(more.matchExpressions ?? [])],
    });
    return { namespaceSelector: narrowed(whole.namespaceSelector), podSelector: narrowed(whole.podSelector) };
  });

const covered: fc.Arbitrary<NetworkPolicySpec> = fc
  .array(
    fc
      .constantFrom(...(ours.egress ?? []))
      .chain(({ to = [], ports = [] }) =>
        fc.record({ to: fc.tuple(...to.map(narrower)).map((peers) => [...peers]), ports: fc.subarray([...ports], { minLength: 1 }) }),
      ),
    { maxLength: 3 },
  )
  .map((egress) => ({ podSelector: {}, policyTypes: ['Egress'], egress }));

test('a policy that allows a part of what ours allow opens nothing', () => {
  fc.assert(
    fc.property(covered, (spec) => {
      expect(count(spec)).toBe(0);
    }),
  );
});

test('a rule more, or a policy more, never closes what another opens', () => {
  fc.assert(
    fc.property(policy, rule, policy, (spec, more, other) => {
      const before = count(spec);
      expect(count({ ...spec, egress: [...(spec.egress ?? []), more] })).toBeGreaterThanOrEqual(before);
      expect(count(spec, other)).toBe(before + count(other));
    }),
  );
});

test('a policy that opens something still does when its rule loses its ports or its peers', () => {
  fc.assert(
    fc.property(policy, fc.constantFrom('to', 'ports'), (spec, lost) => {
      const wider = { ...spec, egress: (spec.egress ?? []).map((one) => ({ ...one, [lost]: [] })) };
      expect(count(wider)).toBeGreaterThanOrEqual(count(spec));
    }),
  );
});

test('a selector within another selects nothing that the other does not', () => {
  const bearer = fc.dictionary(key, value);
  fc.assert(
    fc.property(selector, selector, bearer, (inner, outer, labels) => {
      fc.pre(isWithin(inner, outer) && canSelect(inner, labels));
      expect(canSelect(outer, labels)).toBe(true);
    }),
    { maxSkipsPerRun: 100_000 },
  );
});

test('a selector not within another selects something that the other does not', () => {
  // Every way of bearing these labels, among them values that no selector names.
  const bearings = (['a', 'b', 'app.kubernetes.io/component'] as const).reduce<Readonly<Record<string, string>>[]>(
    (all, name) => all.flatMap((one) => [one, ...['x', 'y', 'egress', 'agent', 'other'].map((is) => ({ ...one, [name]: is }))]),
    [{}],
  );
  fc.assert(
    fc.property(selector, selector, (inner, outer) => {
      const beyond = bearings.some((labels) => canSelect(inner, labels) && !canSelect(outer, labels));
      expect(isWithin(inner, outer)).toBe(!beyond);
    }),
  );
});
