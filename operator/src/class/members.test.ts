import { describe, expect, test } from 'vitest';
import type { AgentConfig, Tenant } from '../kinds.ts';
import { agentNamed, tenantNamed } from '../tenant/snapshot.fixture.ts';
import { hasSettled, membershipOf } from './members.ts';

const tenant = (spec: object = {}): Tenant => ({ ...tenantNamed('acme', spec), status: { classRevision: 'new' } });
const agent = (ready: 'True' | 'False', classRevision: string, change: object = {}): AgentConfig => {
  const named = agentNamed('support', { Ready: ready });
  return {
    ...named,
    metadata: { ...named.metadata, generation: 1, ...change },
    status: { ...named.status, observedGeneration: 1, classRevision },
  };
};

describe('a tenant has followed to its revision', () => {
  test.each<[string, boolean, readonly AgentConfig[], object?]>([
    ['when it has no agent', true, []],
    ['when its agents are Ready by it', true, [agent('True', 'new')]],
    ['not while an agent was judged by the revision before', false, [agent('True', 'old')]],
    ['not while an agent is on its way', false, [agent('False', 'new')]],
    ['not by an agent that was edited since', false, [agent('True', 'new', { generation: 2 })]],
    ['whatever an agent says that is being deleted', true, [agent('False', 'old', { deletionTimestamp: 'x' })]],
    ['whatever its agents say while it is archived', true, [agent('False', 'old')], { state: 'Archived' }],
  ])('%s', (_, expected, agents, spec) => {
    expect(hasSettled(membershipOf(tenant(spec)), agents)).toBe(expected);
  });
});
