/** What the audit log tells of tenants and agents: when something was asked for, and when the operator had done it. */
import { namespaceOf, namespaces } from '@cloister/tenancy';
import type { Request } from './audit-log.ts';
import { operatorUser } from './installation.ts';

const ofAgents = new Set(['configmaps', 'services', 'deployments', 'poddisruptionbudgets', 'horizontalpodautoscalers']);
const home = namespaceOf('');

/** Requests of the operator that concern what it manages: neither its lease nor Events. */
export const operatorRequests = (requests: readonly Request[]): Request[] =>
  requests.filter(({ user, resource }) => user === operatorUser && resource !== 'leases' && resource !== 'events');

export const isWrite = ({ verb }: Request): boolean => verb !== 'get' && verb !== 'list';

/** The tenant that an object belongs to. */
function tenantOf({ resource, namespace, name }: Request): string | undefined {
  if (resource === 'tenants') return name;
  const named = Object.values(namespaces).some((system) => system === namespace) || resource.startsWith('namespaces') ? name : namespace;
  return named.startsWith(home) ? named.slice(home.length) : undefined;
}

/** For each tenant applied, milliseconds from then until the last object made for it, and until the last one made for its agents. */
export function creations(requests: readonly Request[]): { readonly own: number[]; readonly agents: number[] } {
  const appliedAt = new Map<string, number>();
  const own = new Map<string, number>();
  const agents = new Map<string, number>();
  for (const request of requests) {
    const tenant = tenantOf(request);
    if (tenant === undefined || request.status !== 201) continue;
    if (request.resource === 'tenants') appliedAt.set(tenant, request.cameAt);
    if (request.user !== operatorUser || request.resource === 'events') continue;
    const times = request.namespace === namespaceOf(tenant) && ofAgents.has(request.resource) ? agents : own;
    times.set(tenant, Math.max(times.get(tenant) ?? 0, request.answeredAt));
  }
  const since = (times: ReadonlyMap<string, number>) => [...appliedAt].map(([tenant, at]) => (times.get(tenant) ?? Infinity) - at);
  return { own: since(own), agents: since(agents) };
}

/** For each edit of an agent, milliseconds until its Deployment had been written. `concerns` chooses among tenants. */
export function rollouts(requests: readonly Request[], concerns: (tenant: string) => boolean = () => true): number[] {
  const writes = byObject(
    requests.filter(({ user, resource, verb }) => user === operatorUser && resource === 'deployments' && verb === 'patch'),
  );
  return editsIn(requests, concerns).map((edit) => {
    const written = writes.get(`${edit.namespace}/${edit.name}`)?.find(({ cameAt }) => cameAt > edit.cameAt);
    return (written?.answeredAt ?? Infinity) - edit.cameAt;
  });
}

/** For each edit of an agent, milliseconds until the API server had taken it: what no operator has a part in. */
export const acceptances = (requests: readonly Request[], concerns: (tenant: string) => boolean): number[] =>
  editsIn(requests, concerns).map(({ cameAt, answeredAt }) => answeredAt - cameAt);

const editsIn = (requests: readonly Request[], concerns: (tenant: string) => boolean): Request[] =>
  requests.filter(
    (one) => one.user !== operatorUser && one.resource === 'agentconfigs' && one.verb === 'patch' && concerns(tenantOf(one) ?? ''),
  );

/** For each object that somebody else deleted, milliseconds until the operator had made it again. */
export function repairs(requests: readonly Request[]): number[] {
  const made = byObject(
    requests.filter(({ user, status }) => user === operatorUser && status === 201),
    true,
  );
  return requests
    .filter(({ user, verb, resource }) => user !== operatorUser && verb === 'delete' && resource !== 'tenants')
    .map((deletion) => {
      const again = made.get(`${deletion.resource} ${deletion.namespace}/${deletion.name}`)?.find(({ cameAt }) => cameAt > deletion.cameAt);
      return (again?.answeredAt ?? Infinity) - deletion.cameAt;
    });
}

/** For each tenant deleted, milliseconds until neither it nor its namespace was left. */
export function endings(requests: readonly Request[]): number[] {
  const last = new Map<string, number>();
  for (const request of requests) {
    const lets = request.resource === 'namespaces/finalize' || (request.resource === 'tenants' && request.user === operatorUser);
    const tenant = tenantOf(request);
    if (lets && tenant !== undefined && isWrite(request)) last.set(tenant, request.answeredAt);
  }
  return requests
    .filter(({ resource, verb, user }) => resource === 'tenants' && verb === 'delete' && user !== operatorUser)
    .map(({ name, cameAt }) => (last.get(name) ?? Infinity) - cameAt);
}

function byObject(requests: readonly Request[], withResource = false): Map<string, Request[]> {
  return Map.groupBy(requests, ({ resource, namespace, name }) => `${withResource ? `${resource} ` : ''}${namespace}/${name}`);
}
