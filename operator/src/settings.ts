/** Settings of the operator: a few from the environment, the rest from the YAML file that the chart writes. */
import { namespaces } from '@cloister/tenancy';
import { readSettings, SettingsError } from '@cloister/settings';
import { readFileSync } from 'node:fs';
import { parse, YAMLParseError } from 'yaml';
import { z } from 'zod';

const labelSelector = z.strictObject({
  matchLabels: z.record(z.string(), z.string()).optional(),
  matchExpressions: z.array(z.strictObject({ key: z.string(), operator: z.string(), values: z.array(z.string()).optional() })).optional(),
});

/** A NetworkPolicyPeer, as it goes into the tenants' policies. */
const networkPeer = z
  .strictObject({
    namespaceSelector: labelSelector.optional(),
    podSelector: labelSelector.optional(),
    ipBlock: z.strictObject({ cidr: z.string(), except: z.array(z.string()).optional() }).optional(),
  })
  .refine((peer) => Object.keys(peer).length > 0, 'an empty peer would open everything; set namespaceSelector, podSelector or ipBlock');
export type NetworkPeer = z.infer<typeof networkPeer>;

const port = z.int().min(1).max(65535);
const byName = (name: string) => ({ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': name } } });

const fields = z.strictObject({
  systemNamespace: z.string().default(namespaces.system),
  accessNamespace: z.string().default(namespaces.access),
  providersNamespace: z.string().default(namespaces.providers),
  ownKeysNamespace: z.string().default(namespaces.ownKeys),
  ingress: z
    .strictObject({
      /** A tenant without spec.network.host is reached at `<tenant>.<baseDomain>`. */
      baseDomain: z.string().default('cloister.localhost'),
      className: z.string().nullish(),
      /** Secret in the system namespace with a certificate for `*.<baseDomain>`. Without it endpoints are plain http. */
      tlsSecretName: z.string().nullish(),
      edgeService: z.string().default('edge'),
      edgeServicePort: port.default(80),
      annotations: z.record(z.string(), z.string()).default({}),
    })
    .prefault({}),
  agentRuntime: z.strictObject({
    image: z.string().min(1),
    imagePullPolicy: z.enum(['Always', 'IfNotPresent', 'Never']).default('IfNotPresent'),
    imagePullSecrets: z.array(z.strictObject({ name: z.string() })).default([]),
    egressURL: z.url(),
    logLevel: z.string().default('info'),
    /** How long a pod that is told to end keeps serving, so that every proxy has heard of it. */
    drainSeconds: z.int().min(0).max(300).default(6),
  }),
  postgres: z
    .strictObject({
      adminSecret: z.strictObject({ name: z.string() }).default({ name: 'postgres-admin' }),
      networkPeer: networkPeer.default(byName('cloister-data')),
      port: port.default(5432),
      /** Connections that one tenant may hold at once, all its agents together. */
      connectionLimit: z.int().min(1).default(50),
      statementTimeoutSeconds: z.int().min(1).default(30),
    })
    .prefault({}),
  redis: z
    .strictObject({
      adminSecret: z.strictObject({ name: z.string() }).default({ name: 'redis-admin' }),
      networkPeer: networkPeer.default(byName('cloister-data')),
      port: port.default(6379),
    })
    .prefault({}),
  /** How old credentials get before they are replaced, in days; 0: only when somebody asks. */
  rotation: z
    .strictObject({
      databaseDays: z.number().min(0).default(30),
      redisDays: z.number().min(0).default(30),
      identityDays: z.number().min(0).default(90),
      /** Of agents' certificates, which live 90 days and are replaced after 60 whatever stands here. */
      servingDays: z.number().min(0).max(60).default(30),
      /** Of the authority that signs them, which lives two years. */
      authorityDays: z.number().min(0).max(480).default(365),
      /** By then every mounted copy of a changed Secret or ConfigMap has followed: kubelets look once a minute. */
      settleSeconds: z.int().min(1).default(300),
    })
    .prefault({}),
  dns: z
    .strictObject({
      networkPeer: networkPeer.default({ ...byName('kube-system'), podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } } }),
      port: port.default(53),
    })
    .prefault({}),
  leaderElection: z.strictObject({ enabled: z.boolean().default(true) }).prefault({}),
  /** Tenants, and agents, worked on at a time. */
  concurrency: z.int().min(1).max(100).default(24),
  /** How often the agents of one tenant may be rolled out: so many at once, and then so many a second. */
  tenantRollouts: z.strictObject({ burst: z.int().min(1).default(10), perSecond: z.number().positive().default(1) }).prefault({}),
  /** An object whose spec the operator has not looked at for so long is no longer called Ready. */
  behindSeconds: z.int().min(1).default(120),
  /** How often Postgres and Redis, which tell nobody of changes, are checked for drift. */
  dataCheckSeconds: z.int().min(1).default(300),
  /** How often egress is asked what tenants have used. */
  usageSeconds: z.int().min(1).default(60),
});
export type Configuration = z.infer<typeof fields>;

/** In two of them a tenant has a Secret of the same name, and each has its readers. */
const configuration = fields.superRefine(({ ownKeysNamespace, accessNamespace, providersNamespace }, context) => {
  if (![accessNamespace, providersNamespace].includes(ownKeysNamespace)) return;
  const message = `"${ownKeysNamespace}" holds something else that others read; name a namespace of its own`;
  context.addIssue({ code: 'custom', path: ['ownKeysNamespace'], message });
});

const environment = z.object({
  OPERATOR_CONFIG_FILE: z.string().default('/etc/cloister/operator.yaml'),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error']).default('info'),
  METRICS_PORT: z.coerce.number().int().min(0).max(65535).default(9090),
  /** A token for egress. Without it nobody asks what tenants have used, and their status does not say. */
  EGRESS_TOKEN_FILE: z.string().optional(),
  POD_NAME: z.string().optional(),
  POD_NAMESPACE: z.string().optional(),
});
export type Environment = z.infer<typeof environment>;

/** Throws {@link SettingsError}. */
export function readOperatorSettings(source: NodeJS.ProcessEnv = process.env): { environment: Environment; configuration: Configuration } {
  const read = readSettings(environment, source);
  return { environment: read, configuration: parseConfiguration(readFile(read.OPERATOR_CONFIG_FILE), read.OPERATOR_CONFIG_FILE) };
}

/** Throws {@link SettingsError} that names every wrong field by its path in the file. */
export function parseConfiguration(text: string, path: string): Configuration {
  const result = configuration.safeParse(parseYaml(text, path));
  if (result.success) return result.data;
  throw new SettingsError(result.error.issues.map((issue) => `${path}: ${issue.path.join('.') || 'file'}: ${issue.message}`));
}

function parseYaml(text: string, path: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    throw new SettingsError([`${path}: ${error instanceof YAMLParseError ? error.message : 'is no YAML'}`]);
  }
}

function readFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new SettingsError([
      `OPERATOR_CONFIG_FILE: ${path} cannot be read (${error instanceof Error ? error.message : 'unknown reason'})`,
    ]);
  }
}
