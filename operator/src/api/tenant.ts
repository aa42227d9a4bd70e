/** Tenant: one customer, its limits, who may reach its agents and who may change them. */
import { roles, scope } from '@cloister/tenancy';
import { z } from 'zod';
import { conditions, observedGeneration } from './conditions.ts';
import {
  agentName,
  atomic,
  hostName,
  label,
  listMap,
  listSet,
  namespaceName,
  objectName,
  rules,
  secretRef,
  issuerURL,
  worded,
} from './fields.ts';
import { budget, egress, keyRateLimits, models, quota, rateLimits, responseCache, shareOfBudget } from './limits.ts';
import { providerKeys } from './provider-keys.ts';
import { trafficSplits, trafficSplitsStatus } from './traffic-splits.ts';
import { usageStatus } from './usage.ts';

const scopes = z.array(scope).min(1).max(8).meta(listSet);

const userRoles = z
  .object({
    claim: z
      .string()
      .min(1)
      .max(128)
      .describe(
        'Claim that holds a text or a list of texts. Dots lead into objects where no claim has the whole name: realm_access.roles.',
      ),
    values: z
      .array(
        z.object({
          value: z.string().min(1).max(256).describe('What the claim must hold.'),
          role: z.enum(roles).describe('user: chat. editor: chat, settings and usage. owner: all scopes.'),
        }),
      )
      .min(1)
      .max(64)
      .meta(listMap('value'))
      .describe('Roles by value. Who has several gets all of them.'),
  })
  .describe('What a claim gives to its user, beside scopes.');
export type UserRoles = z.infer<typeof userRoles>;

const owner = z
  .object({
    kind: z.enum(['User', 'Group', 'ServiceAccount']).describe('What kind of subject this is.'),
    name: worded(/^[^\s].*$/, 253, 'expected the name of the subject').describe(
      'As the cluster authenticates it, for example jane@acme.example.',
    ),
    namespace: namespaceName().describe('Namespace of the ServiceAccount.').optional(),
    role: z
      .enum(['owner', 'editor', 'viewer'])
      .describe('owner: all of editor, and reads the API keys. editor: changes AgentConfigs. viewer: reads them, pods and logs.'),
  })
  .meta(
    rules(
      {
        rule: "has(self.namespace) == (self.kind == 'ServiceAccount')",
        message: 'set namespace for kind ServiceAccount, and for no other kind',
      },
      {
        rule: "self.kind != 'ServiceAccount' || self.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",
        message: 'name is no name of a ServiceAccount: lower-case letters, digits, "-" and "."',
      },
    ),
  );

const apiKey = z.object({
  name: label().describe('Also the end of the Secret\'s name: "api-key-<name>", key "key", in the tenant\'s namespace.'),
  scopes: scopes
    .describe(
      'What the key may do. chat: talk to agents; settings: read and change their settings; usage: read what the tenant has used and what is left ' +
        'of its budget; admin: see, issue and revoke API keys.',
    )
    .default(['chat']),
  expiresAt: z.iso
    .datetime({ offset: true })
    .describe('From then on the key is refused. Never when not set. To revoke a key at once, remove its entry.')
    .optional(),
  rateLimits: keyRateLimits.describe('How often this key may be used, within the limits of the tenant.').optional(),
  budget: shareOfBudget
    .describe(
      "What this key may spend of the tenant's budget, in the tenant's days and months, where the agent says on whose behalf it calls. " +
        'Not set: all of it. What the key has spent before counts.',
    )
    .optional(),
});

const oidc = z.object({
  issuer: issuerURL().describe('The "iss" claim; its discovery document must be reachable by edge.'),
  audience: z.string().min(1).max(512).describe('What the "aud" claim must hold.'),
  tenantClaim: z
    .string()
    .min(1)
    .max(128)
    .describe("Claim that must equal the tenant's name. Without it, no other tenant may use the same issuer and audience.")
    .optional(),
  scopes: scopes.describe('What every such user may do.').default(['chat']),
  roles: userRoles.optional(),
});

const access = z.object({
  apiKeys: z
    .array(apiKey)
    .max(64)
    .meta(listMap('name'))
    .describe('API keys that the operator makes. Those that administrators have made by the API of edge are beside them, not here.')
    .default([{ name: 'default', scopes: ['chat', 'settings'] }]),
  hs256: z
    .object({
      secretRef: secretRef("in the tenant's namespace; the value needs 32 bytes or more").describe('The shared secret.'),
      scopes: scopes.describe('What every such caller may do.').default(['chat']),
      roles: userRoles.optional(),
    })
    .describe('Accept JWTs signed with a shared secret, whose "tenant_id" claim is the tenant\'s name.')
    .optional(),
  oidc: z.array(oidc).max(16).meta(listMap('issuer', 'audience')).describe('Accept JWTs of these OpenID Connect issuers.').default([]),
});

export const tenantSpec = z.object({
  displayName: z.string().max(120).describe('For people.').optional(),
  classRef: z
    .object({
      name: objectName().describe('Name of a TenantClass.'),
      revision: objectName()
        .describe('Pins the tenant to this revision of the class: it stays there whatever the class becomes. See status.classRevision.')
        .optional(),
    })
    .describe('The class that gives defaults and ceilings. The default class when not set.')
    .optional(),
  state: z
    .enum(['Active', 'Suspended', 'Archived'])
    .describe(
      'Suspended: no agent runs and every request is answered 503; data, keys, configuration and endpoint stay. ' +
        'Archived: the endpoint is gone as well, and nobody can log in to the database; data, keys and configuration stay. ' +
        'Back to Active brings everything back.',
    )
    .default('Active'),
  deletionPolicy: z
    .enum(['Delete', 'Retain'])
    .describe(
      'What becomes of the data in Postgres when the Tenant is deleted. Retain: schema and role stay, closed to everybody, ' +
        "marked with this Tenant's UID; a later Tenant of the same name is told how to take them over.",
    )
    .default('Delete'),
  owners: z.array(owner).max(64).meta(atomic).describe("Who may work in the tenant's namespace.").default([]),
  quota: quota.describe('Caps of the namespace; the class supplies what is not set here.').optional(),
  models: models.describe('Models that agents may use; the default of the class when not set.').optional(),
  providerKeys,
  budget: budget.describe('What models may cost; the class supplies what is not set here.').optional(),
  rateLimits: rateLimits.describe('How often the agents of the tenant may be called, all of them together.').optional(),
  responseCache: responseCache
    .describe('How much of the answers of agents that want them given again is kept; the class supplies what is not set here.')
    .optional(),
  access: access.describe('How callers prove who they are.').prefault({}),
  network: z
    .object({
      host: hostName()
        .describe(
          "Host name of the tenant's endpoint; <name>.<base domain> when not set. Served with the one certificate of all hosts (ingress.tlsSecretName), which must cover it.",
        )
        .optional(),
      egress: egress.describe('What agents may reach on the internet, through egress; the class supplies what is not set here.').optional(),
    })
    .describe('How the tenant is reached, and what it reaches.')
    .optional(),
  defaultAgent: agentName()
    .describe('The AgentConfig that answers requests which name none; the only one, or the oldest, when not set.')
    .optional(),
  trafficSplits,
});
export type TenantSpec = z.infer<typeof tenantSpec>;

const credentialStatus = z.object({
  since: z.iso.datetime().describe('When the credential that agents use was made.'),
  madeFor: z.string().describe('Text of the annotation cloister.dev/rotate for which it was made.').optional(),
  waitingFor: z
    .string()
    .describe('Set while the credential is being replaced: what must happen before the one before is ended.')
    .optional(),
});
export type CredentialStatus = z.infer<typeof credentialStatus>;

export const tenantStatus = z.object({
  observedGeneration,
  namespace: z.string().describe("The tenant's namespace.").optional(),
  endpoint: z.string().describe('Base URL of the tenant, for OpenAI clients with /v1 after it.').optional(),
  class: z.string().describe('The class in force.').optional(),
  classRevision: z
    .string()
    .describe('The revision of the class in force: the one that the tenant was moved to, or is pinned to.')
    .optional(),
  classRevisionTime: z
    .string()
    .meta({ format: 'date-time' })
    .describe('When the tenant was moved there from another revision; not set for one that began there.')
    .optional(),
  classSeen: z
    .object({ uid: z.string(), generation: z.int().min(0) })
    .describe('The TenantClass that put the tenant on that revision, as it was then. As it was before, it moves the tenant nowhere.')
    .optional(),
  agents: z.int().min(0).describe('How many AgentConfigs there are.').optional(),
  agentsReady: z.int().min(0).describe('How many of them serve.').optional(),
  trafficSplits: trafficSplitsStatus,
  isolation: z
    .enum(['Closed', 'Widened', 'Pending'])
    .describe(
      "Whether agents reach and are reached by what they need alone. Widened: a NetworkPolicy not the operator's opens more; see conditions. Pending: the policies are not there, or were not looked at yet.",
    )
    .optional(),
  credentials: z
    .object({ database: credentialStatus.optional(), redis: credentialStatus.optional(), serving: credentialStatus.optional() })
    .describe('How old the credentials of the agents are. They are replaced by age, and when the annotation cloister.dev/rotate changes.')
    .optional(),
  usage: usageStatus
    .describe('What the tenant has spent and used, as the ledger has it: at most some minutes old while it changes.')
    .optional(),
  conditions,
});
export type TenantStatus = z.infer<typeof tenantStatus>;
