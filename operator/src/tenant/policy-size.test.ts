/** All of a tenant is one ConfigMap for the gateway: what the API server would not take of it would never come to be in force. */
import { documentKey } from '@cloister/tenancy';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { agentConfigSpec, type AgentConfigSpec } from '../api/agent-config.ts';
import { specSchema } from '../api/crd.ts';
import { mostAgents } from '../api/limits.ts';
import { modelProviderSpec } from '../api/model-provider.ts';
import { agentConfigResource } from '../api/resources.ts';
import { tenantClassSpec } from '../api/tenant-class.ts';
import { tenantSpec } from '../api/tenant.ts';
import type { AgentConfig, ModelProvider } from '../kinds.ts';
import { policyDocument, tenantPolicyOf } from './children/policy.ts';
import { agentNamed, classNamed, snapshot, tenantNamed, worldOf } from './snapshot.fixture.ts';
import { standingOf } from './standing.ts';

const mebibyte = 1024 * 1024;
/** For what later versions have to say, and for an administrator with more providers than here. */
const margin = mebibyte / 4;

const list = z.object({ maxItems: z.int(), items: z.object({ maxLength: z.int() }) });
const { properties } = z.object({ properties: z.object({ allowedTools: list }) }).parse(specSchema(agentConfigResource));
const longestTools = properties.allowedTools;

const numbered = <T>(count: number, make: (suffix: string) => T): T[] =>
  Array.from({ length: count }, (_, at) => make(String(at).padStart(3, '0')));
/** Of characters that take the most room in JSON of those that are admitted. */
function longest(length: number, isAdmitted: (text: string) => boolean, suffix: string): string {
  const dearest = ['\u0001', '"', 'ü', 'a'].find((one) => isAdmitted(one)) ?? 'a';
  return dearest.repeat(length - suffix.length) + suffix;
}
const isToolName = (text: string) => agentConfigSpec.shape.allowedTools.safeParse([text]).success;
const window = { usd: 999_999_999.999999, tokens: 999_999_999_999_999 };

const largest: AgentConfigSpec = agentConfigSpec.parse({
  model: 'a/b',
  parameters: { temperature: 2 / 3, maxOutputTokens: 1e7 },
  settings: { temperature: { min: 2 / 3, max: 4 / 3 }, maxOutputTokens: { min: 1, max: 1e7 } },
  budget: { daily: window, monthly: window, downgradeTo: numbered(8, (end) => `a/${'b'.repeat(195)}${end}`) },
  allowedTools: numbered(longestTools.maxItems, (end) => longest(longestTools.items.maxLength, isToolName, end)),
  responseCache: { ttlSeconds: 604_800 },
  replicas: 0,
});
const agents: AgentConfig[] = numbered(3 * mostAgents, (end) => ({
  ...agentNamed(`${'a'.repeat(37)}${end}`, {}, `2026-01-01T00:00:00Z`),
  spec: largest,
}));

const provider: ModelProvider = {
  metadata: { name: 'p'.repeat(70) },
  spec: modelProviderSpec.parse({
    type: 'Offline',
    models: numbered(256, (end) => ({
      name: `${'m'.repeat(125)}${end}`,
      contextWindow: 100,
      maxOutputTokens: 10,
      price: { inputPerMillion: 0, outputPerMillion: 0 },
    })),
  }),
};
const wish = {
  quota: { agents: mostAgents },
  models: { allow: [`${'p'.repeat(70)}/*`] },
  providerKeys: numbered(32, (end) => ({ provider: `${'k'.repeat(250)}${end}`, secretRef: { name: 'keys', key: end } })),
  budget: { onExceeded: 'Downgrade', downgradeTo: numbered(8, (end) => `a/${'b'.repeat(195)}${end}`), daily: window, monthly: window },
  network: { egress: { domains: numbered(64, (end) => `${`${'d'.repeat(60)}.`.repeat(4).slice(0, 246)}${end}.dev`) } },
  trafficSplits: numbered(16, (end) => ({
    name: `${'s'.repeat(37)}${end}`,
    agents: numbered(8, (of) => ({ name: `${'a'.repeat(37)}${of}`, weight: 1_000_000 })),
  })),
};

function seen() {
  const tenant = tenantNamed('acme', wish);
  const spec = tenantSpec.parse(wish);
  const world = { ...worldOf([classNamed('starter', tenantClassSpec.parse({ default: true }))]), providers: [provider] };
  return snapshot({ spec: wish, agents, standing: standingOf({ tenant, spec }, world) });
}

describe('the policy document', () => {
  test('fits into its ConfigMap with room to spare, whatever the editors of a tenant apply', () => {
    const [document] = policyDocument(seen());
    const text = z.object({ data: z.record(z.string(), z.string()) }).parse(document?.desired).data[documentKey] ?? '';
    expect(text).toContain('"cacheSeconds"');
    expect(text).toContain(provider.metadata.name);
    expect(text).toContain('"ownKeys"');
    expect(Buffer.byteLength(text)).toBeLessThan(mebibyte - margin);
  });

  test('holds the oldest agents, as many as the highest quota has, and those that ran before a quota was lowered', () => {
    const lowered = { ...wish, quota: { agents: 1 } };
    for (const spec of [wish, lowered]) {
      const names = tenantPolicyOf(snapshot({ spec, agents: agents.toReversed() }))?.agents.map(({ name }) => name);
      expect(names).toEqual(agents.slice(0, mostAgents).map(({ metadata }) => metadata.name));
    }
  });
});
