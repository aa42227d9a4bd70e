import { expect, test } from 'vitest';
import type { AgentConfig } from '../kinds.ts';
import { agentNamed, snapshot } from './snapshot.fixture.ts';
import { tenantStatusOf } from './status.ts';

const idle: AgentConfig = { ...agentNamed('idle'), spec: { model: 'offline/echo', replicas: 0 } };
const shares = (weights: Readonly<Record<string, number>>, ...agents: readonly AgentConfig[]) => {
  const spec = { trafficSplits: [{ name: 'support', agents: Object.entries(weights).map(([name, weight]) => ({ name, weight })) }] };
  const [split] = tenantStatusOf(snapshot({ spec, agents }), { findings: [] }, new Date()).trafficSplits ?? [];
  return Object.fromEntries(split?.agents.map(({ name, percent }) => [name, percent]) ?? []);
};

test.each<[string, Parameters<typeof shares>, Readonly<Record<string, number>>]>([
  ['by weight', [{ a: 3, b: 1 }, agentNamed('a'), agentNamed('b')], { a: 75, b: 25 }],
  ['to a hundredth', [{ a: 2, b: 1 }, agentNamed('a'), agentNamed('b')], { a: 66.67, b: 33.33 }],
  ['without one that is not there', [{ a: 3, gone: 1 }, agentNamed('a')], { a: 100, gone: 0 }],
  ['without one that is scaled to zero', [{ a: 3, idle: 1 }, agentNamed('a'), idle], { a: 100, idle: 0 }],
  ['as nobody’s where none is there', [{ gone: 1, idle: 1 }, idle], { gone: 0, idle: 0 }],
])('the status shows the shares in force: %s', (_, given, expected) => {
  expect(shares(...given)).toEqual(expected);
});

test('the status of a tenant without traffic splits says nothing of them', () => {
  expect(tenantStatusOf(snapshot(), { findings: [] }, new Date()).trafficSplits).toBeUndefined();
});
