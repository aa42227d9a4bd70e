/**
 * Where a request goes, decided from its target, its host and the policy of the tenant that its credential names. Pure.
 *
 * Host and path may narrow what the credential allows, never widen it. Whatever does not fit (another tenant's host or id, an unknown route, a path that two readers could understand differently) gives undefined, so that all of it gets one and the same 404.
 */
import type { Scope, TenantPolicy } from '@cloister/tenancy';
import type { Policies } from '../directory/directory.ts';
import { agentAsModel } from './models.ts';

export interface Asked {
  readonly method: string;
  /** Path and query as they were sent. */
  readonly target: string;
  /** The Host header as it was sent. */
  readonly host: string | undefined;
}

export interface Route {
  /** The pattern, for metrics. */
  readonly pattern: string;
  readonly scope: Scope;
  /** Path and query for the agent. */
  readonly target: string;
  /** The agent that the path or the query names, whether the tenant has it or not. */
  readonly agent: string | undefined;
  /** What edge does itself, instead of asking an agent. */
  readonly task: EdgeTask | undefined;
  /** The agent may be named as `model` in the body. */
  readonly modelNamesAgent: boolean;
}

export type EdgeTask = 'listAgents' | 'tellAgent' | 'tellUsage' | 'listKeys' | 'issueKey' | 'revokeKey';

export interface Hosts {
  readonly policies: Policies;
  /** Hosts that every tenant may use; `*` for all that are no tenant's. */
  readonly shared: ReadonlySet<string>;
}

export const longestTarget = 8192;

/** Characters of RFC 3986 paths, without those that proxies and servers are known to read differently once encoded or repeated. */
const plainPath = /^(\/[A-Za-z0-9._~!$&'()*+,;=:@-]+)+$/;
const dotSegment = /\/\.{1,2}(\/|$)/;

export function routeOf(asked: Asked, policy: TenantPolicy, hosts: Hosts): Route | undefined {
  if (!hostFits(asked.host, policy, hosts)) return undefined;
  const target = readTarget(asked.target);
  if (!target) return undefined;
  const route = routes.find(({ fits }) => fits(target.path, policy));
  if (!route) return undefined;
  const task = target.agent === undefined ? route.tasks?.[asked.method] : undefined;
  if (route.edgeOnly && !task) return undefined;
  return {
    pattern: `${target.prefix}${route.pattern}`,
    scope: route.scope,
    target: `${target.path}${target.query}`,
    agent: target.agent,
    task,
    modelNamesAgent: target.agent === undefined && target.path === '/v1/chat/completions',
  };
}

interface Target {
  readonly prefix: '' | '/agents/{agent}';
  readonly agent: string | undefined;
  /** Without the prefix that names the agent. */
  readonly path: string;
  /** With its question mark; without `agent=`. */
  readonly query: string;
}

function readTarget(text: string): Target | undefined {
  const { path, query } = split(text);
  if (!plainPath.test(path) || dotSegment.test(path)) return undefined;
  const inQuery = takeAgents(query);
  const [, inPath, rest] = /^\/agents\/([^/]+)(\/.+)$/.exec(path) ?? [];
  const [agent, ...others] = new Set(inPath === undefined ? inQuery.agents : [inPath, ...inQuery.agents]);
  if (others.length > 0) return undefined;
  return { prefix: rest === undefined ? '' : '/agents/{agent}', path: rest ?? path, query: inQuery.query, agent };
}

interface Pattern {
  readonly pattern: string;
  readonly scope: Scope;
  readonly fits: (path: string, policy: TenantPolicy) => boolean;
  /** By method, for requests that name no agent. */
  readonly tasks?: Readonly<Record<string, EdgeTask>>;
  /** No agent answers there. */
  readonly edgeOnly?: true;
}

const ofTenant = (path: string, { tenant }: TenantPolicy, rest: RegExp): boolean => {
  const own = `/api/v1/tenants/${tenant}`;
  return path.startsWith(own) && rest.test(path.slice(own.length));
};

export const usagePath = '/v1/usage';

/** In this order; the first that fits. */
const routes: readonly Pattern[] = [
  { pattern: '/v1/chat/completions', scope: 'chat', fits: (path) => path === '/v1/chat/completions' },
  { pattern: '/v1/models', scope: 'chat', fits: (path) => path === '/v1/models', tasks: { GET: 'listAgents' } },
  {
    pattern: '/v1/models/{agent}',
    scope: 'chat',
    fits: (path, policy) => agentAsModel(path, policy) !== undefined,
    tasks: { GET: 'tellAgent' },
  },
  { pattern: usagePath, scope: 'usage', fits: (path) => path === usagePath, tasks: { GET: 'tellUsage' }, edgeOnly: true },
  { pattern: '/v1/*', scope: 'chat', fits: (path) => path.startsWith('/v1/') },
  { pattern: '/api/v1/tenants/{tenant}/settings', scope: 'settings', fits: (path, policy) => ofTenant(path, policy, /^\/settings(\/|$)/) },
  {
    pattern: '/api/v1/tenants/{tenant}/keys',
    scope: 'admin',
    fits: (path, policy) => ofTenant(path, policy, /^\/keys$/),
    tasks: { GET: 'listKeys', POST: 'issueKey' },
    edgeOnly: true,
  },
  {
    pattern: '/api/v1/tenants/{tenant}/keys/{key}',
    scope: 'admin',
    fits: (path, policy) => ofTenant(path, policy, /^\/keys\/[^/]+$/),
    tasks: { DELETE: 'revokeKey' },
    edgeOnly: true,
  },
  { pattern: '/api/v1/tenants/{tenant}/*', scope: 'chat', fits: (path, policy) => ofTenant(path, policy, /^\//) },
];

function hostFits(host: string | undefined, policy: TenantPolicy, { policies, shared }: Hosts): boolean {
  const name = (host ?? '').toLowerCase().replace(/:\d+$/, '').replace(/\.$/, '');
  const owner = policies.byHost(name);
  if (owner) return owner.tenant === policy.tenant;
  return shared.has(name) || shared.has('*');
}

function split(target: string): { path: string; query: string } {
  const mark = target.indexOf('?');
  return mark < 0 ? { path: target, query: '' } : { path: target.slice(0, mark), query: target.slice(mark) };
}

/** Takes each `agent=` out of a query, leaving the rest as it was written. */
function takeAgents(query: string): { agents: readonly string[]; query: string } {
  if (!query.includes('agent=')) return { agents: [], query };
  const parts = query.slice(1).split('&');
  const isAgent = (part: string) => part.startsWith('agent=');
  const rest = parts.filter((part) => !isAgent(part)).join('&');
  return { agents: parts.filter(isAgent).map((part) => part.slice('agent='.length)), query: rest === '' ? '' : `?${rest}` };
}
