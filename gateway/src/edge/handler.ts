/**
 * What edge does with a request, in order: who calls → may they be here → is the tenant open → do its limits leave room → to the agent.
 *
 * Guarantees: nothing reaches an agent without a verified credential of its own tenant; the credential itself never does; what
 * is another tenant's gets the answer of what does not exist.
 */
import type { Caller } from '@cloister/identity';
import type { TenantPolicy } from '@cloister/tenancy';
import type { Logger } from '@cloister/telemetry';
import type { Request, Response } from 'express';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Access, Policies } from '../directory/directory.ts';
import type { Handler } from '../server/application.ts';
import { openExchange, type Exchange } from '../server/exchange.ts';
import { readBody } from '../server/read-body.ts';
import type { Tracing } from '../tracing/tracing.ts';
import type { Authenticate, KnownCaller } from './authenticate.ts';
import { challenge } from './credential.ts';
import { bodyDecides, chooseAgent, type Agent } from './choose-agent.ts';
import { fail } from './errors.ts';
import { sessionOf } from './headers.ts';
import { issueKey, longestWish, revokeKey } from './issued-keys/issue.ts';
import type { Making } from './issued-keys/in-the-making.ts';
import type { KeyStore } from './issued-keys/key-store.ts';
import { described, keysList, type ApiKey } from './keys-list.ts';
import type { KeyUses } from './key-uses/key-uses.ts';
import type { EdgeMetrics } from './metrics.ts';
import { agentAsModel, agentsAsModels } from './models.ts';
import { enforceRateLimits } from './rate-limit/enforce.ts';
import type { CountingLimiter } from './rate-limit/fallback.ts';
import { untoldTokens, type Untold } from './rate-limit/untold-tokens.ts';
import { askInTurn } from './relay/ask-in-turn.ts';
import { asSpan } from './relay/as-span.ts';
import { bodyOf, wholeBody } from './relay/body.ts';
import type { Relay } from './relay/relay.ts';
import { longestTarget, routeOf, usagePath, type EdgeTask, type Route } from './route.ts';
import type { AskUsage } from './usage/ask-egress.ts';
import type { VoucherFor } from './vouchers.ts';
import { renaming } from './with-model.ts';

export interface EdgeParts {
  readonly policies: Policies;
  readonly sharedHosts: ReadonlySet<string>;
  readonly authenticate: Authenticate;
  readonly limiter: CountingLimiter;
  readonly access: Access;
  readonly uses: KeyUses;
  readonly askUsage: AskUsage;
  readonly keyStore: KeyStore;
  readonly making: Making;
  readonly keyRevoked: (tenantUid: string, id: string, by: string) => void;
  readonly tokenFor: (caller: Caller) => Promise<string>;
  readonly voucherFor: VoucherFor;
  readonly relay: Relay;
  readonly maxBodyBytes: number;
  readonly metrics: EdgeMetrics;
  readonly log: Logger;
  readonly tracing?: Tracing | undefined;
}

export function edgeHandler(parts: EdgeParts): Handler {
  return async (request, response, dressed) => {
    const exchange = openExchange(request, response, { log: parts.log, durations: parts.metrics.durations, tracing: parts.tracing });
    if (targetOf(request).length > longestTarget) throw fail('not_found');

    const { caller, policy } = await whoCalls(request, parts);
    exchange.note({ tenant: policy.tenant, subject: caller.subject });
    if (caller.apiKey) parts.uses.note(policy.uid, caller.apiKey.id);
    countWhenClosed(exchange, response, policy, parts.metrics);

    const route = admit(request, caller, policy, parts);
    exchange.route = route.pattern;
    const end = await enforceRateLimits(parts, caller, policy, response);
    const untold = untoldTokens(request, response, exchange.gone);
    let told: number | undefined;
    try {
      const admitted = { exchange, caller, policy, route };
      if (route.task) {
        const own = await dressed();
        await taskOf[route.task](own.request, own.response, admitted, parts);
      } else told = await passOn(request, response, { ...admitted, untold }, parts);
    } finally {
      end(told ?? untold.tokens());
    }
  };
}

async function whoCalls(
  request: IncomingMessage,
  { authenticate, policies }: EdgeParts,
): Promise<{ readonly caller: KnownCaller; readonly policy: TenantPolicy }> {
  const caller = await authenticate(request.headers);
  const policy = policies.byTenant(caller.tenant);
  // The policy of an archived tenant is how edge hears of it first; a moment later its access document is gone as well.
  if (policy?.state === 'Archived') throw fail('credential_invalid', challenge);
  if (!policy) throw fail('tenant_starting', { retryAfterSeconds: 5 });
  // Issued for an earlier tenant of that name, whose keys Kubernetes has yet to collect.
  if (caller.apiKey && 'uid' in caller.apiKey && caller.apiKey.uid !== policy.uid) throw fail('credential_invalid', challenge);
  return { caller, policy };
}

/** The route that this caller may take, or the reason why there is none. */
function admit(request: IncomingMessage, caller: Caller, policy: TenantPolicy, { policies, sharedHosts }: EdgeParts): Route {
  const asked = { method: request.method ?? '', target: targetOf(request), host: hostOf(request) };
  const route = routeOf(asked, policy, { policies, shared: sharedHosts });
  if (!route) throw fail('not_found');
  if (!caller.scopes.includes(route.scope)) throw fail('scope_missing', { values: { scope: route.scope } });
  if (policy.state === 'Suspended') throw fail('tenant_suspended', { retryAfterSeconds: 300 });
  return route;
}

type Task = (request: Request, response: Response, admitted: Admitted, parts: EdgeParts) => Promise<unknown>;

const taskOf: Readonly<Record<EdgeTask, Task>> = {
  listAgents: (_, response, { policy }) => Promise.resolve(response.json(agentsAsModels(policy))),
  tellAgent: (_, response, { policy, route }) => Promise.resolve(response.json(agentAsModel(route.target, policy))),
  tellUsage: (_, response, { exchange, policy, route }, parts) => tellUsage(response, route, policy, exchange.gone, parts),
  listKeys: (_, response, { policy }, parts) => listKeys(response, policy, parts),
  issueKey: async (request, response, { exchange }, parts) => {
    const body = await readBody(request, longestWish);
    // Asked again: a body may take a minute to come, and who was let in before may be somebody whose key was revoked meanwhile.
    const { caller, policy } = await whoCalls(request, parts);
    admit(request, caller, policy, parts);
    const { key, issued } = await issueKey(body, caller, policy, parts);
    exchange.note({ issuedKey: issued.id });
    response
      .status(201)
      .set('cache-control', 'no-store')
      .json({ ...described(issued), key });
  },
  revokeKey: async (_, response, { exchange, caller, policy, route }, parts) => {
    const id = /[^/?]+(?=\?|$)/.exec(route.target)?.[0] ?? '';
    await revokeKey(id, caller, policy, parts);
    exchange.note({ revokedKey: id });
    response.status(204).end();
  },
};

async function tellUsage(
  response: Response,
  { target }: Route,
  policy: TenantPolicy,
  gone: AbortSignal,
  { askUsage, access }: EdgeParts,
): Promise<void> {
  const query = target.slice(usagePath.length);
  const id = new URLSearchParams(query).get('key');
  const key = id === null ? undefined : keysOf(policy, access).find((known) => known.id === id);
  const { status, body } = await askUsage(policy, { query, ofKey: key?.budget }, gone);
  response.status(status).type('json').send(body);
}

async function listKeys(response: Response, policy: TenantPolicy, { access, uses }: EdgeParts): Promise<void> {
  if (!access.byTenant(policy.tenant)) throw fail('credential_invalid', challenge); // taken away a moment ago
  const times = await uses.of(policy.uid).catch((cause: unknown) => {
    throw fail('uses_unavailable', { retryAfterSeconds: 5, cause });
  });
  response.json(keysList(keysOf(policy, access), times));
}

/** Declared and issued. */
const keysOf = ({ tenant, uid }: TenantPolicy, access: Access): ApiKey[] => [
  ...(access.byTenant(tenant)?.apiKeys ?? []),
  ...access.issued.ofTenant(tenant).filter((key) => key.uid === uid),
];

interface Admitted {
  readonly exchange: Exchange;
  readonly caller: KnownCaller;
  readonly policy: TenantPolicy;
  readonly route: Route;
}

/** As {@link Relay} resolves. */
async function passOn(
  request: IncomingMessage,
  response: ServerResponse,
  { exchange, caller, policy, route, untold }: Admitted & { readonly untold: Untold },
  parts: EdgeParts,
): Promise<number | undefined> {
  const whole = bodyDecides(route, policy) ? await readBody(request, parts.maxBodyBytes) : undefined;
  const { agents, split } = chooseAgent(route, policy, { body: whole, session: sessionOf(request) });
  if (split) exchange.note({ split: split.name });
  const body = whole ? wholeBody(whole) : await bodyOf(request, parts.maxBodyBytes);
  untold.body = body;
  const rename = whole && split?.isModel ? renaming(whole, parts.maxBodyBytes) : undefined;
  const ask = async (agent: Agent, othersLeft: boolean) => {
    exchange.note({ agent: agent.name });
    const [callerToken, voucher] = await Promise.all([parts.tokenFor(caller), parts.voucherFor(caller, policy.uid, agent.name)]);
    const forAgent = rename ? wholeBody(rename(agent.name)) : body;
    return asSpan({ exchange, request, response, agent }, (span) => {
      const to = { agent, target: route.target, callerToken, voucher, body: forAgent, othersLeft, span };
      return parts.relay(request, response, exchange, to);
    });
  };
  return askInTurn(agents, ask, ({ name }) => {
    exchange.note({ passedOver: name });
    parts.metrics.passedOver.inc({ tenant: policy.tenant, agent: name });
  });
}

/** Path and query, which every request of a client has. */
const targetOf = ({ url }: IncomingMessage): string => url ?? '';

/** Undefined for a request with several Host headers: which of them counts is what smuggling is about. */
function hostOf({ rawHeaders, headers }: IncomingMessage): string | undefined {
  const hosts = rawHeaders.filter((name, position) => position % 2 === 0 && name.toLowerCase() === 'host');
  return hosts.length === 1 ? headers.host : undefined;
}

function countWhenClosed(exchange: Exchange, response: ServerResponse, { tenant }: TenantPolicy, { requests }: EdgeMetrics): void {
  response.once('close', () => {
    const { agent = '' } = exchange.facts;
    requests.inc({ tenant, agent: String(agent), status: String(response.statusCode) });
  });
}
