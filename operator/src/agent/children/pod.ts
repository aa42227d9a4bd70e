import {
  agentFiles,
  agentServiceAccount,
  annotations,
  databaseAuthoritiesKey,
  documentKey,
  egressAudience,
  labels,
  ports,
  servingKey,
  tenantConfigMaps,
  tenantSecrets,
} from '@cloister/tenancy';
import { basename, dirname } from 'node:path/posix';
import { builtInResources } from '../../api/agent-config.ts';
import { agentSelector } from '../../labels.ts';
import type { AgentPlan } from '../plan.ts';
import { documentNameOf } from './document.ts';

const user = 65_532;
/** Requests under way may take this long after the drain. */
const graceSeconds = 60;

/** The pod of an agent: no privilege, no token for the API server, nothing writable but a small /tmp. */
export function podTemplate(plan: AgentPlan): { readonly metadata: object; readonly spec: object } {
  const { tenant, name, configuration, standing, credentials } = plan;
  const { imagePullSecrets, drainSeconds } = configuration.agentRuntime;
  const placement = standing.tenantClass?.spec;
  return {
    metadata: {
      labels: agentSelector(tenant, name),
      // Pods that hold old credentials are replaced by such that hold the new ones.
      annotations: { [annotations.credentials]: credentials },
    },
    spec: {
      serviceAccountName: agentServiceAccount,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      // The first process of a PID namespace hears of no signal before it listens to it: told to end in its first moments, it would go on serving
      // what was right then until it is killed. As one that is not the first it ends.
      shareProcessNamespace: true,
      terminationGracePeriodSeconds: drainSeconds + graceSeconds,
      securityContext: { runAsNonRoot: true, runAsUser: user, runAsGroup: user, fsGroup: user, seccompProfile: { type: 'RuntimeDefault' } },
      imagePullSecrets: imagePullSecrets.length > 0 ? imagePullSecrets : undefined,
      runtimeClassName: placement?.runtimeClassName,
      nodeSelector: placement?.nodeSelector,
      tolerations: placement?.tolerations,
      topologySpreadConstraints: [
        {
          maxSkew: 1,
          topologyKey: 'kubernetes.io/hostname',
          whenUnsatisfiable: 'ScheduleAnyway',
          labelSelector: { matchLabels: { [labels.tenant]: tenant, [labels.agent]: name } },
        },
      ],
      containers: [container(plan)],
      volumes: volumes(plan),
    },
  };
}

function container({ spec, configuration, standing, hasAuthorities }: AgentPlan): object {
  const { image, imagePullPolicy, logLevel, drainSeconds, egressURL } = configuration.agentRuntime;
  const { requests, limits } = spec.resources;
  const env = {
    LOG_LEVEL: logLevel,
    NODE_ENV: 'production',
    HTTP_PORT: ports.http,
    METRICS_PORT: ports.metrics,
    DRAIN_SECONDS: drainSeconds,
    // Only where it leads anywhere. Without a credential, which changes: whoever connects sends the token of {@link agentFiles.egressToken}.
    ...(standing.limits.egress.domains.length > 0 && { HTTPS_PROXY: proxyOf(egressURL) }),
  };
  const probe = (path: string, periodSeconds: number, failureThreshold: number) => ({
    httpGet: { path, port: 'https', scheme: 'HTTPS' },
    periodSeconds,
    timeoutSeconds: Math.min(periodSeconds, 5),
    failureThreshold,
  });
  return {
    name: 'agent',
    image: spec.image ?? image,
    imagePullPolicy: spec.image === undefined ? imagePullPolicy : pullPolicyOfOwn(imagePullPolicy),
    env: Object.entries(env).map(([name, value]) => ({ name, value: String(value) })),
    ports: [
      { name: 'https', containerPort: ports.http, protocol: 'TCP' },
      { name: 'metrics', containerPort: ports.metrics, protocol: 'TCP' },
    ],
    // Readiness each second, and no startup probe for ours, which listens first: between them lie the seconds in which a new agent could already answer.
    readinessProbe: probe('/readyz', 1, 2),
    livenessProbe: probe('/healthz', 10, 6),
    // An image of a tenant's own may have much to do before it listens, and would be restarted again and again.
    ...(spec.image !== undefined && { startupProbe: probe('/healthz', 1, ownStartSeconds) }),
    resources: {
      requests: { ...builtInResources.requests, ...requests },
      limits: { ...builtInResources.limits, ...limits },
    },
    securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
    volumeMounts: [
      { name: 'document', mountPath: dirname(agentFiles.document), readOnly: true },
      { name: 'identity', mountPath: dirname(agentFiles.identity), readOnly: true },
      { name: databaseVolume(hasAuthorities), mountPath: dirname(agentFiles.databaseURL), readOnly: true },
      { name: 'redis', mountPath: dirname(agentFiles.redisURL), readOnly: true },
      { name: 'serving', mountPath: dirname(agentFiles.serving), readOnly: true },
      { name: 'egress', mountPath: dirname(agentFiles.egressToken), readOnly: true },
      { name: 'tmp', mountPath: '/tmp' },
    ],
  };
}

/** Less than a Deployment waits for it (`progressDeadlineSeconds`): one that takes as long as it may is not told of as one that fails. */
const ownStartSeconds = 100;

/**
 * For an image of a tenant's own. A node keeps what it has pulled, with whosever pull Secret, and starts it for anybody who names it: only who has to pull
 * must show a Secret of its own. Where the platform pulls nothing at all, all images are there by its own hand.
 */
const pullPolicyOfOwn = (platforms: AgentPlan['configuration']['agentRuntime']['imagePullPolicy']) =>
  platforms === 'Never' ? 'Never' : 'Always';

/** With its port: clients differ in which one they take for that of a proxy. */
function proxyOf(egressURL: string): string {
  const { protocol, hostname, port } = new URL(egressURL);
  return `${protocol}//${hostname}:${port || (protocol === 'https:' ? '443' : '80')}`;
}

const jwksKey = basename(agentFiles.identity);
const secretMode = 0o440;

/** Volumes merge by their names, and one may not be of two types, not even while it changes from one to the other. */
const databaseVolume = (hasAuthorities: boolean): string => (hasAuthorities ? 'verified-database' : 'database');

/** The authorities go when Postgres is no longer to be verified; a pod of before, which may come as late as that, would wait for them for ever. */
const databaseWithAuthorities = {
  defaultMode: secretMode,
  sources: [
    { secret: { name: tenantSecrets.database, items: [{ key: 'url', path: 'url' }] } },
    { secret: { name: tenantSecrets.database, items: [{ key: databaseAuthoritiesKey, path: databaseAuthoritiesKey }], optional: true } },
  ],
};

function volumes(plan: AgentPlan): object[] {
  const secret = (name: string, key: string) => ({ secretName: name, defaultMode: secretMode, items: [{ key, path: key }] });
  return [
    { name: 'document', configMap: { name: documentNameOf(plan), items: [{ key: documentKey, path: documentKey }] } },
    // Not part of the revision: its content changes under the pods, which follow it.
    { name: 'identity', configMap: { name: tenantConfigMaps.edgeIdentity, items: [{ key: jwksKey, path: jwksKey }] } },
    {
      name: databaseVolume(plan.hasAuthorities),
      ...(plan.hasAuthorities ? { projected: databaseWithAuthorities } : { secret: secret(tenantSecrets.database, 'url') }),
    },
    { name: 'redis', secret: secret(tenantSecrets.redis, 'url') },
    // Followed, like the identity.
    { name: 'serving', secret: secret(tenantSecrets.serving, servingKey) },
    {
      name: 'egress',
      projected: { sources: [{ serviceAccountToken: { audience: egressAudience, expirationSeconds: 3600, path: 'token' } }] },
    },
    { name: 'tmp', emptyDir: { sizeLimit: '64Mi' } },
  ];
}
