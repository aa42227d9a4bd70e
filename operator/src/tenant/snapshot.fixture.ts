import { createApiKey } from '@cloister/identity';
import { apiVersion } from '@cloister/tenancy';
import { modelProviderSpec } from '../api/model-provider.ts';
import { tenantClassSpec } from '../api/tenant-class.ts';
import { tenantSpec } from '../api/tenant.ts';
import { revisionNameOf } from '../class/revisions.ts';
import type { AgentConfig, ModelProvider, Namespace, Tenant, TenantClass } from '../kinds.ts';
import { parseConfiguration } from '../settings.ts';
import type { TenantSnapshot } from './observe.ts';
import { standingOf, type StandingWorld } from './standing.ts';

export const configuration = parseConfiguration(
  'agentRuntime: { image: runtime:1, egressURL: "http://egress.cloister-system.svc:80/v1" }',
  'test',
);

export const tenantNamed = (name: string, spec: object = {}, uid = `uid-${name}`): Tenant => ({
  apiVersion,
  kind: 'Tenant',
  metadata: { name, uid, generation: 1, creationTimestamp: '2026-01-01T00:00:00Z' },
  spec,
});

export const classNamed = (name: string, spec: object = {}): TenantClass => ({ metadata: { name, generation: 3 }, spec });

export const offline: ModelProvider = {
  metadata: { name: 'offline' },
  spec: modelProviderSpec.parse({
    type: 'Offline',
    models: [{ name: 'echo', contextWindow: 100, maxOutputTokens: 10, price: { inputPerMillion: 0, outputPerMillion: 0 } }],
  }),
};

export const starter = classNamed('starter', {
  default: true,
  defaults: { models: { allow: ['offline/*'] } },
  ceilings: { quota: { pods: 20 } },
});

/** A world in which each class keeps the revision that it wants, and no other. */
export const worldOf = (classes: readonly TenantClass[]): StandingWorld => ({
  classes,
  providers: [offline],
  revisionsOf: ({ metadata: { name }, spec }) => {
    const parsed = tenantClassSpec.parse(spec);
    return new Map([[revisionNameOf(name, parsed), parsed]]);
  },
});

interface Given {
  readonly spec?: object;
  readonly classes?: readonly TenantClass[];
}

/** A tenant "acme" whose world is in order, but for what is given. */
export function snapshot(given: Given & Partial<Omit<TenantSnapshot, 'spec'>> = {}): TenantSnapshot {
  const { spec: wish = {}, classes = [starter], ...rest } = given;
  const spec = tenantSpec.parse(wish);
  const tenant = tenantNamed('acme', wish);
  return {
    tenant,
    name: 'acme',
    uid: 'uid-acme',
    spec,
    standing: standingOf({ tenant, spec }, worldOf(classes)),
    configuration,
    host: 'acme.cloister.localhost',
    agentConfigsCounted: false,
    hostTakenBy: undefined,
    takenIssuers: new Map(),
    namespace: namespaceOwnedBy(tenant),
    agents: [],
    networkPolicies: [],
    serviceAccountUID: 'uid-of-service-account',
    apiKeys: spec.access.apiKeys.map(({ name }) => ({ name, key: createApiKey('acme') })),
    sharedSecret: undefined,
    providerKeys: [],
    toldOwnKeys: undefined,
    edgeKeys: { text: '{"keys":[]}', since: undefined },
    serving: undefined,
    databaseSecret: undefined,
    redisSecret: undefined,
    usage: undefined,
    removable: [],
    ...rest,
  };
}

export const namespaceOwnedBy = ({ metadata: { name, uid = '' } }: Tenant): Namespace => ({
  metadata: {
    name: `tenant-${name}`,
    labels: { 'cloister.dev/tenant': name },
    ownerReferences: [{ apiVersion, kind: 'Tenant', name, uid, controller: true }],
  },
});

type Told = 'True' | 'False';

export const agentNamed = (
  name: string,
  conditions: Readonly<Record<string, Told | readonly [Told, reason: string]>> = { Ready: 'True' },
  created = '2026-01-01T00:00:00Z',
): AgentConfig => ({
  metadata: { name, namespace: 'tenant-acme', uid: `uid-${name}`, creationTimestamp: created },
  spec: { model: 'offline/echo' },
  status: {
    conditions: Object.entries(conditions).map(([type, told]) => {
      const [status, reason] = typeof told === 'string' ? [told, 'X'] : told;
      return { type, status, reason, message: '', lastTransitionTime: created, observedGeneration: 1 };
    }),
  },
});
