/**
 * The way of tools to the internet: HTTP CONNECT, for pods alone, to the domains that their tenant allows.
 *
 * In order: who calls → is the tenant within its connections → is the domain allowed, on this port → is every address of it public →
 * connect to one of them → carry bytes, within limits. Nothing is allowed that is not listed. What is said within TLS is not seen.
 */
import { ApiError } from '@cloister/api-errors';
import type { Logger, Registry } from '@cloister/telemetry';
import { domainMatches, type TenantPolicy } from '@cloister/tenancy';
import { STATUS_CODES, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Policies } from '../../directory/directory.ts';
import { fail } from '../errors.ts';
import type { VerifyPod } from '../pods/pod-token.ts';
import { requireActive, tenantOfPod } from '../pods/tenant-of-pod.ts';
import type { Range } from './addresses.ts';
import { parseAuthority, type Authority } from './authority.ts';
import { dial, openDirectly, resolveBySystem, type Open, type Resolve } from './dial.ts';
import { proxyMetrics, type ProxyMetrics } from './metrics.ts';
import { tunnel, type TunnelLimits } from './tunnel.ts';

export interface ProxyLimits extends TunnelLimits {
  /** Of one tenant at the same time, on this replica. */
  readonly connections: number;
  readonly connectMs: number;
}

export const proxyLimits: ProxyLimits = {
  bytes: 256 * 1024 * 1024,
  totalMs: 600_000,
  idleMs: 60_000,
  connections: 64,
  connectMs: 10_000,
};

/** Milliseconds. */
const lastTraffic = 20_000;

export interface ProxyParts {
  readonly policies: Policies;
  readonly verifyPod: VerifyPod;
  readonly registry: Registry;
  readonly log: Logger;
}

export interface ProxyOptions {
  /** Ranges that are not to be reached although they are public, such as those of the cluster. */
  readonly forbidden?: readonly Range[];
  readonly limits?: Partial<ProxyLimits>;
  readonly resolve?: Resolve;
  readonly open?: Open;
}

export class Proxy {
  readonly #parts: ProxyParts & ProxyOptions;
  readonly #limits: ProxyLimits;
  readonly #metrics: ProxyMetrics;
  readonly #stopping = new AbortController();
  /** Connections by the tenant's UID, those that are being made among them. */
  readonly #open = new Map<string, number>();

  constructor(parts: ProxyParts, options: ProxyOptions = {}) {
    this.#parts = { ...parts, ...options };
    this.#limits = { ...proxyLimits, ...options.limits };
    this.#metrics = proxyMetrics(parts.registry, () => this.open);
  }

  get open(): number {
    return [...this.#open.values()].reduce((sum, count) => sum + count, 0);
  }

  /** For a server's event `connect`. Never rejects. */
  async connect(request: IncomingMessage, client: Socket, head: Buffer): Promise<void> {
    const gone = new AbortController();
    client.on('error', () => undefined).once('close', () => gone.abort());
    let policy: TenantPolicy | undefined;
    try {
      policy = await tenantOfPod({ authorization: credentialOf(request) }, this.#parts.verifyPod, this.#parts.policies);
      requireActive(policy);
      await this.#serve(policy, request.url ?? '', client, head, gone.signal);
    } catch (error) {
      this.#refuse(error, client, policy?.tenant);
    }
  }

  /** Lets what is open go on for `seconds`, in which new ones are taken, and a while longer; then ends it: a tunnel cannot be told to close. */
  async drain(seconds: number): Promise<void> {
    await sleep(seconds * 1000);
    const until = performance.now() + lastTraffic;
    while (this.open > 0 && performance.now() < until) await sleep(100);
    this.#stopping.abort();
  }

  async #serve(policy: TenantPolicy, asked: string, client: Socket, head: Buffer, gone: AbortSignal): Promise<void> {
    const authority = allowed(policy, asked);
    const { uid, tenant } = policy;
    const before = this.#open.get(uid) ?? 0;
    const { connections } = this.#limits;
    if (before >= connections) throw fail('too_many_connections', { values: { tenant, connections }, retryAfterSeconds: 1 });
    this.#open.set(uid, before + 1);
    try {
      await this.#carry(policy, authority, client, head, gone);
    } finally {
      const left = (this.#open.get(uid) ?? 1) - 1;
      if (left > 0) this.#open.set(uid, left);
      else this.#open.delete(uid);
    }
  }

  async #carry({ tenant }: TenantPolicy, authority: Authority, client: Socket, head: Buffer, gone: AbortSignal): Promise<void> {
    const { resolve = resolveBySystem, open = openDirectly, forbidden = [], log } = this.#parts;
    const started = performance.now();
    const { connectMs } = this.#limits;
    const { socket, address } = await dial(authority, { resolve, open, forbidden, connectMs }, gone);
    client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
    if (head.length > 0) client.unshift(head);
    const { up, down, end } = await tunnel(client, socket, this.#limits, this.#stopping.signal);
    this.#metrics.connections.inc({ tenant, outcome: end });
    this.#metrics.bytes.inc({ tenant, direction: 'up' }, up);
    this.#metrics.bytes.inc({ tenant, direction: 'down' }, down);
    const durationMs = Math.round(performance.now() - started);
    log.info({ tenant, ...authority, address, bytesUp: up, bytesDown: down, end, durationMs }, 'connection');
  }

  #refuse(error: unknown, client: Socket, tenant: string | undefined): void {
    const refusal = error instanceof ApiError ? asProxy(error) : fail('host_unreachable', { values: { host: 'the host' }, cause: error });
    if (!(error instanceof ApiError)) this.#parts.log.error({ err: error }, 'unexpected error');
    if (tenant !== undefined) this.#metrics.connections.inc({ tenant, outcome: refusal.code });
    this.#parts.log.info({ tenant, code: refusal.code }, 'connection refused');
    if (client.writable) client.end(answerOf(refusal));
    // Whoever does not read the answer, or goes on sending, is not waited for.
    client.resume().setTimeout(1_000, () => client.destroy());
  }
}

/** What is 401 of a server is 407 of a proxy; clients send no credential before they are asked for one in this way. */
const asProxy = (error: ApiError): ApiError =>
  error.code === 'token_invalid'
    ? fail('proxy_token_invalid', { headers: { 'proxy-authenticate': 'Basic realm="cloister-egress"' } })
    : error;

/** As a bearer token, or as the password of whatever user, which is all that many HTTP clients can send to a proxy. */
function credentialOf({ headers }: IncomingMessage): string | undefined {
  const given = headers['proxy-authorization'];
  const basic = /^Basic +([A-Za-z0-9+/=]+)$/i.exec(given ?? '')?.[1];
  if (basic === undefined) return given;
  const pair = Buffer.from(basic, 'base64').toString('utf8');
  return `Bearer ${pair.slice(pair.indexOf(':') + 1)}`;
}

function allowed({ tenant, egress }: TenantPolicy, asked: string): Authority {
  const authority = parseAuthority(asked);
  if (!authority) throw fail('authority_invalid');
  const { host, port } = authority;
  if (!egress?.domains.some((pattern) => domainMatches(pattern, host))) throw fail('domain_not_allowed', { values: { tenant, host } });
  if (!egress.ports.includes(port)) throw fail('port_not_allowed', { values: { tenant, port } });
  return authority;
}

function answerOf(error: ApiError): string {
  const body = JSON.stringify(error.body);
  const { status } = error.kind;
  const headers = { ...error.headers, 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), connection: 'close' };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('\r\n')}\r\n\r\n${body}`;
}
