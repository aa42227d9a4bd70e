/**
 * The way of tools to the internet: HTTP CONNECT, for pods alone, to the domains that their tenant allows.
 *
 * In order: who calls → is the domain allowed, on this port → is the tenant within its share → is every address of it public → connect to
 * one of them → carry bytes, within limits, for as long as the policy allows it. What is said within TLS is not seen.
 */
import { ApiError } from '@cloister/api-errors';
import type { Logger, Registry } from '@cloister/telemetry';
import type { TenantPolicy } from '@cloister/tenancy';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Policies } from '../../directory/directory.ts';
import type { Facts } from '../../server/exchange.ts';
import type { AuditTrail } from '../audit/trail.ts';
import { fail } from '../errors.ts';
import { callerOf, requireActive } from '../pods/caller.ts';
import type { VerifyPod } from '../pods/pod-token.ts';
import { isPublic, type Range } from './addresses.ts';
import { parseAuthority, type Authority } from './authority.ts';
import { credentialOf } from './credential.ts';
import { dial, openDirectly, Unwanted, type Open } from './dial.ts';
import { proxyMetrics, type ProxyMetrics } from './metrics.ts';
import { objectionTo } from './permission.ts';
import { asProxy, refuse } from './refusal.ts';
import { resolveByDNS, type Resolve } from './resolve.ts';
import { Shares, type ShareLimits } from './shares.ts';
import { openTunnel, type Tunnel, type TunnelLimits } from './tunnel.ts';

export interface ProxyLimits extends TunnelLimits, ShareLimits {
  readonly connectMs: number;
  /** Between two looks at whether the policy still allows a connection that is open. */
  readonly recheckMs: number;
  /** For connections that are open when egress has drained. */
  readonly lastTrafficMs: number;
}

export const mebibyte = 1024 * 1024;

export const proxyLimits: ProxyLimits = {
  bytes: 256 * mebibyte,
  totalMs: 600_000,
  idleMs: 60_000,
  connections: 64,
  totalConnections: 1_024,
  hourlyBytes: 4096 * mebibyte,
  connectMs: 10_000,
  recheckMs: 1_000,
  lastTrafficMs: 20_000,
};

export interface ProxyParts {
  readonly policies: Policies;
  readonly verifyPod: VerifyPod;
  readonly audit: AuditTrail;
  readonly registry: Registry;
  readonly log: Logger;
}

export interface ProxyOptions {
  /** Ranges that are not to be reached although they are public, such as those of the cluster. */
  readonly forbidden?: readonly Range[];
  /** Addresses of the cluster: of this pod, its node, the API server. If one could be reached through the proxy, `forbidden` is not complete, and nothing is. */
  readonly cluster?: readonly string[];
  readonly limits?: Partial<ProxyLimits>;
  readonly resolve?: Resolve;
  readonly open?: Open;
}

/** One CONNECT of a pod whose tenant is known. */
interface Visit {
  readonly policy: TenantPolicy;
  readonly client: Socket;
  readonly head: Buffer;
  /** Adds to what the log and the audit will say of it. */
  readonly note: (facts: Facts) => void;
}

export class Proxy {
  readonly #parts: ProxyParts & ProxyOptions;
  readonly #limits: ProxyLimits;
  readonly #metrics: ProxyMetrics;
  readonly #shares: Shares;
  readonly #resolve: Resolve;
  readonly #tunnels = new Set<Tunnel>();
  readonly #stopping = new AbortController();
  readonly #exposed: boolean;

  constructor(parts: ProxyParts, options: ProxyOptions = {}) {
    this.#parts = { ...parts, ...options };
    this.#limits = { ...proxyLimits, ...options.limits };
    this.#shares = new Shares(this.#limits);
    this.#resolve = options.resolve ?? resolveByDNS();
    this.#metrics = proxyMetrics(parts.registry, () => this.#shares.open);
    const exposed = (options.cluster ?? []).filter((address) => isPublic(address, options.forbidden));
    this.#exposed = exposed.length > 0;
    if (this.#exposed)
      parts.log.error(
        { exposed, setting: 'PROXY_FORBIDDEN_CIDRS' },
        "addresses of the cluster are public, so tools could reach it: until its public ranges are forbidden, no tenant's tools reach anything",
      );
  }

  /** For a server's event `connect`. Never rejects. */
  async connect(request: IncomingMessage, client: Socket, head: Buffer): Promise<void> {
    client.on('error', () => undefined);
    try {
      const credential = credentialOf(request.headers);
      const { policy, agent } = await callerOf(credential, this.#parts.verifyPod, this.#parts.policies).catch((error: unknown) => {
        this.#parts.log.info({ outcome: 'refused', code: codeOf(error) }, 'connection');
        throw error;
      });
      await this.#visit(policy, agent, request.url ?? '', client, head);
    } catch (error) {
      if (!(error instanceof ApiError || error instanceof Unwanted)) this.#parts.log.error({ err: error }, 'unexpected error');
      refuse(client, error instanceof ApiError ? asProxy(error) : fail('host_unreachable', { values: { host: 'the host' } }));
    }
  }

  /** Lets what is open go on for `seconds`, in which new ones are taken, and a while longer; then ends it: a tunnel cannot be told to close. */
  async drain(seconds: number): Promise<void> {
    await sleep(seconds * 1000);
    const until = performance.now() + this.#limits.lastTrafficMs;
    while (this.#shares.open > 0 && performance.now() < until) await sleep(100);
    this.#stopping.abort(new Unwanted('stopped'));
    for (const tunnel of this.#tunnels) tunnel.end('stopped');
  }

  /** Resolves when the connection has ended; rejects where there was none. Either way it is in log, audit and metrics. */
  async #visit(policy: TenantPolicy, agent: string, asked: string, client: Socket, head: Buffer): Promise<void> {
    const { uid: tenantUid, tenant } = policy;
    const { log, audit } = this.#parts;
    const put = audit.begin({ tenantUid, tenant }, 'tool_connection');
    const started = performance.now();
    let facts: Facts = { agent };
    const note = (more: Facts) => void (facts = { ...facts, ...more });
    try {
      requireActive(policy);
      const authority = parseAuthority(asked);
      if (!authority) throw fail('authority_invalid');
      note({ ...authority });
      await this.#serve({ policy, client, head, note }, authority);
    } catch (error) {
      const code = codeOf(error);
      note({ outcome: failed.has(code) ? 'failed' : 'refused', code });
      this.#metrics.connections.inc({ tenant, outcome: code });
      throw error;
    } finally {
      note({ durationMs: Math.round(performance.now() - started) });
      put(facts);
      log.info({ tenant, ...facts }, 'connection');
    }
  }

  async #serve(visit: Visit, authority: Authority): Promise<void> {
    const { policy } = visit;
    const objection = objectionTo(authority, policy);
    if (objection) throw objection;
    if (this.#exposed) throw fail('proxy_closed');
    this.#shares.enter(policy);
    try {
      await this.#carry(visit, authority);
    } finally {
      this.#shares.leave(policy.uid);
    }
  }

  async #carry({ policy: { tenant, uid, namespace }, client, head, note }: Visit, authority: Authority): Promise<void> {
    const { open = openDirectly, forbidden = [] } = this.#parts;
    const gone = new AbortController();
    const leave = () => gone.abort(new Unwanted('caller_gone'));
    if (client.destroyed) leave();
    else client.once('close', leave);
    const unwanted = AbortSignal.any([gone.signal, this.#stopping.signal]);
    const dialling = { resolve: this.#resolve, open, forbidden, connectMs: this.#limits.connectMs };
    const { socket, address } = await dial(authority, dialling, unwanted);
    client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
    if (head.length > 0) client.unshift(head);
    const tunnel = openTunnel(client, socket, this.#limits, (bytes) => {
      if (!this.#shares.take(uid, bytes)) tunnel.end('too many bytes of the tenant');
    });
    this.#tunnels.add(tunnel);
    if (this.#stopping.signal.aborted) tunnel.end('stopped');
    const watch = setInterval(() => {
      if (!this.#allows(namespace, uid, authority)) tunnel.end('no longer allowed');
    }, this.#limits.recheckMs);
    const { up, down, end } = await tunnel.ended;
    clearInterval(watch);
    this.#tunnels.delete(tunnel);
    this.#metrics.connections.inc({ tenant, outcome: end });
    this.#metrics.bytes.inc({ tenant, direction: 'up' }, up);
    this.#metrics.bytes.inc({ tenant, direction: 'down' }, down);
    note({ outcome: 'carried', address, bytesUp: up, bytesDown: down, end });
  }

  /** By what is known of the tenant now. */
  #allows(namespace: string, uid: string, authority: Authority): boolean {
    const policy = this.#parts.policies.byNamespace(namespace);
    return policy?.uid === uid && policy.state === 'Active' && objectionTo(authority, policy) === undefined;
  }
}

function codeOf(error: unknown): string {
  if (error instanceof Unwanted) return error.why;
  return error instanceof ApiError ? error.code : 'unexpected';
}

/** Codes of connections that were allowed and did not come about. */
const failed: ReadonlySet<string> = new Set(['host_unreachable', 'caller_gone', 'stopped', 'unexpected']);
