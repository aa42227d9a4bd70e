import { findCondition, type Condition } from 'kube-runtime';
import { describe, expect, test } from 'vitest';
import type { AgentConfigStatus } from '../api/agent-config.ts';
import { check, parts, type AgentFinding } from './checks.ts';
import { snapshot } from './snapshot.fixture.ts';
import { agentStatusOf, invalidStatusOf } from './status.ts';

const day = (number: number) => new Date(Date.UTC(2026, 0, number));
const nobody: AgentFinding = { condition: 'Available', reason: 'Pending', message: 'no pod serves yet', blocks: false };
type Given = NonNullable<Parameters<typeof snapshot>[0]>;
const judged = (given: Given, { now = day(1), before, others = [], generation = 1 }: Partial<Before> = {}): AgentConfigStatus => {
  const seen = snapshot(given);
  const agent = { ...seen.agent, metadata: { ...seen.agent.metadata, generation }, ...(before && { status: before }) };
  return agentStatusOf({ ...seen, agent }, { findings: [...check(seen), ...others] }, now);
};
interface Before {
  readonly now: Date;
  readonly before: AgentConfigStatus;
  readonly generation: number;
  readonly others: readonly AgentFinding[];
}
const conditionOf = ({ conditions }: AgentConfigStatus, type: string): Condition | undefined => findCondition(conditions, type);
const waiting = { awaited: ['the quota'] };
const forbidden = { spec: { model: 'openai/gpt' } };

describe('a new agent that something blocks', () => {
  test.each<[string, Given, string, Record<string, string>]>([
    [
      'its environment',
      waiting,
      'EnvironmentReady comes first (Pending)',
      { EnvironmentReady: 'False', ModelAllowed: 'Unknown', RolledOut: 'Unknown', Available: 'False' },
    ],
    [
      'its model',
      forbidden,
      'ModelAllowed comes first (ModelNotAllowed)',
      { EnvironmentReady: 'True', ModelAllowed: 'False', RolledOut: 'Unknown', Available: 'False' },
    ],
  ])('such as %s claims nothing of what comes after', (_, given, why, expected) => {
    const status = judged(given, { others: [nobody] });
    expect(Object.fromEntries(parts.map((part) => [part, conditionOf(status, part)?.status]))).toEqual(expected);
    expect(conditionOf(status, 'RolledOut')).toMatchObject({ reason: 'Pending', message: `not looked at: ${why}` });
    expect(judged(given, { now: day(2), before: status, others: [nobody] })).toEqual(status);
  });
});

test('an agent that was fine keeps what was known of its rollout while something blocks the next', () => {
  const fine = judged({});
  const status = judged(forbidden, { now: day(2), before: fine, generation: 2 });
  expect(status.observedGeneration).toBe(2);
  expect(conditionOf(status, 'RolledOut')).toMatchObject({ status: 'True', observedGeneration: 1 });
  expect(conditionOf(status, 'RolledOut')).toEqual(conditionOf(fine, 'RolledOut'));
  expect(conditionOf(status, 'Ready')?.status).toBe('False');
});

describe('an agent whose spec cannot be read', () => {
  const invalid = (before?: AgentConfigStatus) => {
    const { agent } = snapshot();
    const metadata = { ...agent.metadata, generation: 2 };
    return invalidStatusOf({ ...agent, metadata, ...(before && { status: before }) }, 'spec.model: odd', day(2));
  };
  test('claims nothing else', () => {
    const status = invalid();
    expect(parts.map((part) => conditionOf(status, part)?.status)).toEqual(['Unknown', 'False', 'Unknown', 'Unknown']);
    expect(invalid(status)).toEqual(status);
  });
  test('keeps what was known of it', () => {
    const fine = judged({});
    for (const part of parts.filter((one) => one !== 'ModelAllowed'))
      expect(conditionOf(invalid(fine), part)).toEqual(conditionOf(fine, part));
  });
});
