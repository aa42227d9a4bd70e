/**
 * Every name that two parts of Cloister must agree on, derived from the tenant's name alone.
 *
 * A tenant's name is a DNS label of at most {@link maxTenantNameLength} characters, so none of these can collide or need truncating:
 * `-` is the only character that Postgres and Redis names replace, and tenant names hold no `_`.
 */
export const group = 'cloister.dev';
export const version = 'v1alpha1';
export const apiVersion = `${group}/${version}`;

/** A Postgres identifier holds 63 bytes, a namespace 63 characters; 40 leaves room for every prefix and suffix in this file. */
export const maxTenantNameLength = 40;
export const maxAgentNameLength = 40;

/** Labels and annotations on objects that Cloister writes. */
export const labels = {
  /** On every object of a tenant, its namespace included: the tenant's name. */
  tenant: `${group}/tenant`,
  /** On every object of one agent: the AgentConfig's name. */
  agent: `${group}/agent`,
  /** On the ConfigMaps and Secrets through which the operator tells the gateway what to enforce: one of {@link documentKinds}. */
  document: `${group}/document`,
  /** On the revisions of a TenantClass: its name. */
  tenantClass: `${group}/class`,
  managedBy: 'app.kubernetes.io/managed-by',
  name: 'app.kubernetes.io/name',
  component: 'app.kubernetes.io/component',
  partOf: 'app.kubernetes.io/part-of',
} as const;

export const annotations = {
  /** Put on a Tenant, or on one of {@link systemSecrets}, by whoever wants its credentials replaced now: any text not used before. */
  rotate: `${group}/rotate`,
  /** On a Secret: when its credential was made (RFC 3339), and the text of {@link annotations.rotate} for which that was done. */
  madeAt: `${group}/made-at`,
  madeFor: `${group}/made-for`,
  /**
   * The same of the key that is to take the place of edge's identity, or of the agents' authority. On a ConfigMap of keys or certificates,
   * {@link annotations.madeAt} is when they changed.
   */
  nextMadeAt: `${group}/next-made-at`,
  nextMadeFor: `${group}/next-made-for`,
  /** On an agent's pod: fingerprint of the credentials with which it started. */
  credentials: `${group}/credentials`,
} as const;

export const documentKinds = {
  policy: 'tenant-policy',
  access: 'tenant-access',
  provider: 'model-provider',
  issuedKey: 'issued-key',
  ownKeys: 'own-keys',
} as const;

/** Key under which a document stands in its ConfigMap or Secret. */
export const documentKey = 'document.json';

export const managedBy = 'cloister';
export const fieldManager = 'cloister-operator';
export const tenantFinalizer = `${group}/tenant`;

/** Values of the component label on Cloister's own pods; NetworkPolicies select by them. */
export const components = { operator: 'operator', edge: 'edge', egress: 'egress', agent: 'agent' } as const;

/** Where Cloister's own objects live. The chart may rename them; these are the defaults. */
export const namespaces = {
  /** Operator, edge, egress, and the policy and provider documents. */
  system: 'cloister-system',
  /** Tenants' hashed API keys and JWT secrets. Read by edge, by nobody else. */
  access: 'cloister-access',
  /** API keys that edge has issued, as hashes. Written and read by edge, by nobody else. */
  keys: 'cloister-keys',
  /** Model providers' credentials. Read by egress, by nobody else: not by edge, not by a tenant. */
  providers: 'cloister-providers',
  /** Keys that tenants have of their own with model providers, as the operator brings them there. Read by egress, by nobody else. */
  ownKeys: 'cloister-own-keys',
} as const;

export const ports = { http: 8080, metrics: 9090 } as const;

export const namespaceOf = (tenant: string): string => `tenant-${tenant}`;

/** Name of the tenant's Postgres role, of its schema, and of its Redis user. */
export const dataNameOf = (tenant: string): string => `t_${tenant.replaceAll('-', '_')}`;

/** Every Redis key and channel of a tenant begins with this; its Redis user may touch nothing else. */
export const redisPrefixOf = (tenant: string): string => `t:${tenant}:`;

/** Audience of the token with which edge vouches for a caller. A runtime accepts no other. */
export const agentAudienceOf = (tenant: string): string => `agent:${tenant}`;
export const edgeIssuer = 'cloister-edge';

/** Audience of the projected ServiceAccount token with which an agent's pod calls egress. */
export const egressAudience = 'cloister-egress';

/** ServiceAccount of edge, in {@link namespaces.system}: egress tells it what tenants have used. */
export const edgeServiceAccount = 'edge';

/** ServiceAccount of the operator, in {@link namespaces.system}: egress tells it what all tenants have used. */
export const operatorServiceAccount = 'operator';

/** ServiceAccount of every agent pod of a tenant. It may do nothing at the API server. */
export const agentServiceAccount = 'agent';

/** Name of the objects (policy ConfigMap, Secrets of access and of own keys, Ingress) that stand for a tenant in Cloister's own namespaces. */
export const tenantObjectName = (tenant: string): string => `tenant-${tenant}`;
/** An id has a fixed length, so no two keys share a name. */
export const issuedKeyObjectName = (tenant: string, id: string): string => `key-${tenant}-${id}`;
export const providerObjectName = (provider: string): string => `provider-${provider}`;

/** Base URL at which edge reaches an agent inside the cluster. */
export const agentURL = (tenant: string, agent: string): string => `https://${agentHost(tenant, agent)}:443`;
export const agentHost = (tenant: string, agent: string): string => `${agent}.${namespaceOf(tenant)}.svc`;

/** What the certificate of a tenant's agents stands for: all of them, and nobody else. */
export const agentHostsOf = (tenant: string): string => agentHost(tenant, '*');

/** Secrets in a tenant's namespace. */
export const tenantSecrets = {
  /** key `url`: postgres://role:password@host:port/database, and where that asks for it `ca.crt`, see postgres-tls.ts. */
  database: 'database',
  /** key `url`: redis://user:password@host:port/0 */
  redis: 'redis',
  /** key {@link servingKey}: the certificate that the agents show to edge, and its key, as PEM. */
  serving: 'serving',
  /** key `key`: one API key in clear, for the tenant's owners to hand out. */
  apiKey: (name: string): string => `api-key-${name}`,
} as const;

/** Certificate and key in one file: a kubelet brings both at once. */
export const servingKey = 'serving.pem';

/** ConfigMaps in a tenant's namespace. */
export const tenantConfigMaps = {
  /** key `jwks.json`: every public key with which edge may sign. Mounted by agents. */
  edgeIdentity: 'edge-identity',
} as const;

/** Secrets in the system namespace that the operator makes for Cloister's own parts. */
export const systemSecrets = {
  /** keys `private.jwk` (Ed25519 JWK with `kid`; mounted by edge), `jwks.json` (public, all that agents and egress trust; mounted by egress), `next.jwk` during a rotation. */
  edgeIdentity: 'edge-identity',
  /** keys as in {@link tenantSecrets.database}. Role `cloister_egress`, owner of schema `cloister_egress`. Mounted by egress. */
  egressDatabase: 'egress-database',
  /** key `url`. User `cloister_edge`, key prefix `edge:`. Mounted by edge. */
  edgeRedis: 'edge-redis',
  /** key `url`. User `cloister_egress`, key prefix `egress:`. Mounted by egress. */
  egressRedis: 'egress-redis',
  /** keys `signer.pem`, by which certificates of agents are signed, `next.pem` during a rotation, `trusted.pem`. Mounted by nobody. */
  agentsAuthority: 'agents-authority',
} as const;

/** ConfigMaps in the system namespace that the operator makes for Cloister's own parts. */
export const systemConfigMaps = {
  /** key {@link authoritiesKey}: certificates, as PEM, of every authority whose word for an agent counts. Mounted by edge. */
  agentsTrust: 'agents-trust',
} as const;
export const authoritiesKey = 'authorities.pem';

/** Where an agent's pod finds what it needs, as mounted by the operator. */
export const agentFiles = {
  document: '/etc/cloister/agent/document.json',
  identity: '/etc/cloister/identity/jwks.json',
  databaseURL: '/var/run/secrets/cloister/database/url',
  redisURL: '/var/run/secrets/cloister/redis/url',
  egressToken: '/var/run/secrets/cloister/egress/token',
  serving: `/var/run/secrets/cloister/serving/${servingKey}`,
} as const;
