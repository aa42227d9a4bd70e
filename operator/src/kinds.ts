/** Every kind that the operator reads or writes, with the fields that it looks at. */
import { apiVersion } from '@cloister/tenancy';
import { kind, type BaseObject, type Resource } from 'kube-runtime';
import type { AgentConfigStatus } from './api/agent-config.ts';
import type { ModelProviderStatus } from './api/model-provider.ts';
import type { TenantClassStatus } from './api/tenant-class.ts';
import type { TenantStatus } from './api/tenant.ts';
import type { PolicyPeer } from './tenant/isolation/peer.ts';
import type { PolicyPort } from './tenant/isolation/port-range.ts';
import type { LabelSelector } from './selector.ts';

export { pods, type ContainerStatus, type Pod } from './pods.ts';

/** Specs are parsed where they are used, not where they are read: one that no longer fits must not stop the cache of its kind. */
export type Tenant = Resource<unknown, TenantStatus>;
export type AgentConfig = Resource<unknown, AgentConfigStatus>;
export type TenantClass = Resource<unknown, TenantClassStatus>;
export type ModelProvider = Resource<unknown, ModelProviderStatus>;

export const tenants = kind<Tenant>(apiVersion, 'Tenant', { namespaced: false });
export const agentConfigs = kind<AgentConfig>(apiVersion, 'AgentConfig');
export const tenantClasses = kind<TenantClass>(apiVersion, 'TenantClass', { namespaced: false });
export const modelProviders = kind<ModelProvider>(apiVersion, 'ModelProvider', { namespaced: false });

export interface Namespace extends BaseObject {
  readonly status?: { readonly phase?: string };
}
export interface ConfigMap extends BaseObject {
  readonly data?: Readonly<Record<string, string>>;
}
export interface Secret extends BaseObject {
  readonly type?: string;
  /** Base64. */
  readonly data?: Readonly<Record<string, string>>;
}
/** What a TenantClass once said of its tenants. `data` can be changed by nobody. */
export interface ControllerRevision extends BaseObject {
  readonly revision: number;
  readonly data: Readonly<Record<string, unknown>>;
}
export interface Deployment extends BaseObject {
  readonly spec: { readonly replicas?: number; readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> } };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly updatedReplicas?: number;
    readonly readyReplicas?: number;
    readonly availableReplicas?: number;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
      readonly message?: string;
    }[];
  };
}
export interface ResourceQuota extends BaseObject {
  readonly status?: { readonly used?: Readonly<Record<string, unknown>> };
}
export interface ReplicaSet extends BaseObject {
  readonly spec?: { readonly template?: { readonly metadata?: { readonly labels?: Readonly<Record<string, string>> } } };
}
export interface PolicyRule {
  readonly from?: readonly PolicyPeer[] | undefined;
  readonly to?: readonly PolicyPeer[] | undefined;
  readonly ports?: readonly PolicyPort[] | undefined;
}
export interface NetworkPolicySpec {
  readonly podSelector?: LabelSelector;
  readonly policyTypes?: readonly string[];
  readonly ingress?: readonly PolicyRule[];
  readonly egress?: readonly PolicyRule[];
}
export interface NetworkPolicy extends BaseObject {
  readonly spec?: NetworkPolicySpec;
}

export const namespaceKind = kind<Namespace>('v1', 'Namespace');
export const configMaps = kind<ConfigMap>('v1', 'ConfigMap');
export const secrets = kind<Secret>('v1', 'Secret');
export const serviceAccounts = kind('v1', 'ServiceAccount');
export const services = kind('v1', 'Service');
export const resourceQuotas = kind<ResourceQuota>('v1', 'ResourceQuota');
export const limitRanges = kind('v1', 'LimitRange');
export const roles = kind('rbac.authorization.k8s.io/v1', 'Role');
export const roleBindings = kind('rbac.authorization.k8s.io/v1', 'RoleBinding');
export const networkPolicies = kind<NetworkPolicy>('networking.k8s.io/v1', 'NetworkPolicy');
export const ingresses = kind('networking.k8s.io/v1', 'Ingress');
export const controllerRevisions = kind<ControllerRevision>('apps/v1', 'ControllerRevision');
export const deployments = kind<Deployment>('apps/v1', 'Deployment');
export const replicaSets = kind<ReplicaSet>('apps/v1', 'ReplicaSet');
export const podDisruptionBudgets = kind('policy/v1', 'PodDisruptionBudget');
export const horizontalPodAutoscalers = kind('autoscaling/v2', 'HorizontalPodAutoscaler');
