/** What crosses edge: everything end to end, nothing that belongs to one connection, nothing that could pass for our own word. */
import { budgetNotes, cacheHeader, voucherHeader } from '@cloister/tenancy';
import { setTraceHeaders } from '@cloister/telemetry';
import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import type { Exchange } from '../server/exchange.ts';
import { credentialHeaders } from './credential.ts';

/** RFC 9110, section 7.6.1, and the older names that are still met. */
const hopByHop = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

/** `host` is the agent's own; `expect` is answered by our server; the length is set anew where the body is known. */
const notForAgents = new Set([
  ...hopByHop,
  ...credentialHeaders,
  ...['host', 'expect', 'content-length', 'x-request-id', 'traceparent', 'tracestate'],
]);

/** What browsers keep and apply to all of a host. Tenants may share one, so an agent would set it for the callers of others. */
const ofTheHost = [
  'set-cookie',
  'clear-site-data',
  'strict-transport-security',
  'alt-svc',
  'service-worker-allowed',
  'reporting-endpoints',
  'report-to',
  'nel',
];

const notForCallers = new Set([...hopByHop, ...ofTheHost, 'x-request-id']);

/**
 * What proxies between callers and edge act on, rather than pass on. `x-accel-redirect` has nginx repeat the request, with the caller's credential,
 * at a path that the answer names; `x-envoy-immediate-health-check-fail` has Envoy take edge for ill. `x-accel-buffering` is about the answer alone:
 * streams come as they are made by it.
 */
const isForProxies = (name: string): boolean => /^x-(accel-(?!buffering$)|envoy-|sendfile$|lighttpd-)/.test(name);

/** What Cloister's own parts tell each other. */
const isOurs = (name: string): boolean => name.startsWith('x-cloister-');

/** What callers are to hear of it. An image of a tenant's own may say so when it is not true: to that tenant's callers, and to nobody else. */
const toldToCallers: ReadonlySet<string> = new Set([...Object.values(budgetNotes), cacheHeader]);

/** Tells callers which agent answered. */
const agentHeader = 'x-cloister-agent';

/** By which callers say which requests belong together, so that one agent of a split answers them all. Nobody but edge hears it. */
const sessionHeader = 'x-cloister-session';

/** Limits are told by edge alone; an agent may pass on those of a provider, which are none of a caller's. */
const isLimit = (name: string): boolean => name.startsWith('x-ratelimit-');

/** Headers for the agent. `length` is that of the body in bytes, where it is known. */
export function headersForAgent(
  incoming: IncomingHttpHeaders,
  { id, span }: Pick<Exchange, 'id' | 'span'>,
  { callerToken, voucher }: { readonly callerToken: string; readonly voucher: string },
  length: number | undefined,
): Record<string, string | string[]> {
  const headers = pick(incoming, (name) => notForAgents.has(name) || isOurs(name));
  headers['authorization'] = `Bearer ${callerToken}`;
  headers[voucherHeader] = voucher;
  setTraceHeaders(headers, span);
  headers['x-request-id'] = id;
  if (length !== undefined && (length > 0 || incoming['content-length'] !== undefined)) headers['content-length'] = String(length);
  return headers;
}

/** What egress did for the answer is the caller's to know, too. `agent` is who answers. */
export const headersForCaller = (answered: IncomingHttpHeaders, agent: string): OutgoingHttpHeaders => {
  const isKept = (name: string) =>
    notForCallers.has(name) || (isOurs(name) && !toldToCallers.has(name)) || isLimit(name) || isForProxies(name);
  const headers = pick(answered, isKept);
  headers[agentHeader] = agent;
  return headers;
};

/** Undefined where the caller names none. */
export function sessionOf({ headers }: IncomingMessage): string | undefined {
  const session = headers[sessionHeader];
  return typeof session === 'string' && session !== '' ? session : undefined;
}

/** Without what `drop` names and what the Connection header declares to be for this hop alone. */
function pick(headers: IncomingHttpHeaders, drop: (name: string) => boolean): Record<string, string | string[]> {
  const declared = headers.connection === undefined ? [] : headers.connection.toLowerCase().split(/[\s,]+/);
  const kept: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && !drop(name) && !declared.includes(name)) kept[name] = value;
  }
  return kept;
}
