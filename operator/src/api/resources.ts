/** The four kinds of the API, with what `kubectl get` shows of each. */
import { maxAgentNameLength, maxTenantNameLength } from '@cloister/tenancy';
import { agentConfigSpec, agentConfigStatus } from './agent-config.ts';
import type { PrinterColumn, ResourceDefinition } from './crd.ts';
import { agentNamePattern, type CelRule } from './fields.ts';
import { modelProviderSpec, modelProviderStatus } from './model-provider.ts';
import { tenantClassSpec, tenantClassStatus } from './tenant-class.ts';
import { tenantSpec, tenantStatus } from './tenant.ts';

const age: PrinterColumn = { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' };
const ready: PrinterColumn = { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' };
const reason: PrinterColumn = { name: 'Reason', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].reason' };

const nameRule = (pattern: string, maxLength: number, expected: string): CelRule => ({
  rule: `self.metadata.name.size() <= ${maxLength} && self.metadata.name.matches('${pattern}')`,
  message: `metadata.name must be ${expected}, at most ${maxLength} characters: the names of everything made for it derive from it`,
});

export const tenantResource: ResourceDefinition = {
  kind: 'Tenant',
  plural: 'tenants',
  shortName: 'tn',
  namespaced: false,
  description: 'A customer with agents, data, budget and endpoint of its own, isolated from all others. Its namespace is "tenant-<name>".',
  spec: tenantSpec,
  status: tenantStatus,
  specDefault: {},
  rules: [nameRule('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$', maxTenantNameLength, 'lower-case letters, digits and "-"')],
  columns: [
    { name: 'Class', type: 'string', jsonPath: '.status.class' },
    { name: 'State', type: 'string', jsonPath: '.spec.state' },
    { name: 'Agents', type: 'integer', jsonPath: '.status.agents' },
    ready,
    reason,
    { name: 'Spent', type: 'number', jsonPath: '.status.usage.monthly.usd' },
    { name: 'Isolation', type: 'string', jsonPath: '.status.isolation' },
    { name: 'Endpoint', type: 'string', jsonPath: '.status.endpoint' },
    { name: 'Revision', type: 'string', jsonPath: '.status.classRevision', priority: 1 },
    { name: 'Pinned To', type: 'string', jsonPath: '.spec.classRef.revision', priority: 1 },
    age,
  ],
};

export const agentConfigResource: ResourceDefinition = {
  kind: 'AgentConfig',
  plural: 'agentconfigs',
  shortName: 'ac',
  namespaced: true,
  description: "An agent of the tenant in whose namespace it stands: model, instructions, limits and size. Its pods see no other tenant's.",
  spec: agentConfigSpec,
  status: agentConfigStatus,
  rules: [nameRule(agentNamePattern.source, maxAgentNameLength, 'a lower-case letter, then lower-case letters, digits and "-"')],
  scale: {
    specReplicasPath: '.spec.replicas',
    statusReplicasPath: '.status.replicas',
    labelSelectorPath: '.status.selector',
  },
  columns: [
    { name: 'Model', type: 'string', jsonPath: '.spec.model' },
    ready,
    reason,
    { name: 'Replicas', type: 'integer', jsonPath: '.status.readyReplicas' },
    { name: 'Revision', type: 'string', jsonPath: '.status.revision' },
    { name: 'Last Good', type: 'string', jsonPath: '.status.lastGoodRevision', priority: 1 },
    age,
  ],
};

export const tenantClassResource: ResourceDefinition = {
  kind: 'TenantClass',
  plural: 'tenantclasses',
  shortName: 'tc',
  namespaced: false,
  description: 'A tier of tenants: defaults, ceilings and placement.',
  spec: tenantClassSpec,
  status: tenantClassStatus,
  specDefault: {},
  // The names of its revisions, and a label on them, carry it.
  rules: [nameRule('^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$', 63, 'lower-case letters, digits, "-" and "."')],
  columns: [
    { name: 'Default', type: 'string', jsonPath: '.spec.default' },
    { name: 'Tenants', type: 'integer', jsonPath: '.status.tenants' },
    { name: 'Updated', type: 'integer', jsonPath: '.status.updatedTenants' },
    { name: 'Pinned', type: 'integer', jsonPath: '.status.pinnedTenants', priority: 1 },
    { name: 'Revision', type: 'string', jsonPath: '.status.wantedRevision' },
    ready,
    reason,
    age,
  ],
};

export const modelProviderResource: ResourceDefinition = {
  kind: 'ModelProvider',
  plural: 'modelproviders',
  shortName: 'mp',
  namespaced: false,
  description: 'A service that answers model requests, with models, prices and the tenants that may use it.',
  spec: modelProviderSpec,
  status: modelProviderStatus,
  rules: [nameRule('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$', 40, 'lower-case letters, digits and "-"')],
  columns: [
    { name: 'Type', type: 'string', jsonPath: '.spec.type' },
    { name: 'Models', type: 'integer', jsonPath: '.status.models' },
    ready,
    reason,
    age,
  ],
};

export const resources: readonly ResourceDefinition[] = [tenantResource, agentConfigResource, tenantClassResource, modelProviderResource];
