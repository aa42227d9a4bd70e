import { createHash } from 'node:crypto';
import type { RequestOptions } from 'node:https';
import { createSecureContext, type ConnectionOptions } from 'node:tls';
import { Agent, ProxyAgent, type Dispatcher } from 'undici';
import type { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import { KubeRuntimeError } from '../errors.ts';

/** How to reach a server, and who we are there. */
export interface Credentials {
  readonly server: string;
  readonly namespace: string;
  current(): Promise<Access>;
  /** Read everything again before the next request: the server did not accept what we have. */
  refresh(): void;
  /** Use new connections from the next request on; what runs on the present ones, watches too, goes on. */
  reconnect(): void;
  close(): Promise<void>;
}

export interface Access {
  readonly dispatcher: Dispatcher;
  readonly headers: Readonly<Record<string, string>>;
}

export interface KubeConfigSource {
  /** Path of a kubeconfig. Default: KUBECONFIG, `~/.kube/config`, then the pod's service account. */
  readonly kubeconfig?: string | undefined;
  /** Default: the current context. */
  readonly context?: string | undefined;
}

/** A projected token lives an hour or less and is renewed on disk at 80 %: a minute is what client-go waits too. */
const freshForMs = 60_000;
/**
 * For so long a connection waits for its next request: less than what stands between would end it after, lest that happen under a request. That is 20 s in
 * kubeadm's guide to highly available clusters, 60 s in many load balancers, 90 s in the API server.
 */
const idleMs = 15_000;
type TLSOptions = Pick<ConnectionOptions, 'ca' | 'cert' | 'key' | 'servername' | 'rejectUnauthorized'>;

/** For a server that needs no credentials, such as `kubectl proxy` or a test. */
export function anonymous(server: string, namespace = 'default'): Credentials {
  const newAccess = (): Access => ({ dispatcher: new Agent({ allowH2: false, keepAliveTimeout: idleMs }), headers: {} });
  let access = newAccess();
  return {
    server,
    namespace,
    current: () => Promise.resolve(access),
    refresh: () => undefined,
    reconnect: () => {
      void access.dispatcher.close();
      access = newAccess();
    },
    close: () => access.dispatcher.destroy(),
  };
}

export async function fromKubeConfig(source: KubeConfigSource): Promise<Credentials> {
  // Loaded when needed: this module brings the models of every built-in kind with it, 50 MB that a test or proxy user need not pay.
  const { KubeConfig: Config } = await import('@kubernetes/client-node/dist/config.js');
  return new KubeConfigCredentials(() => {
    const config = new Config();
    if (source.kubeconfig) config.loadFromFile(source.kubeconfig);
    else config.loadFromDefault();
    if (source.context) config.setCurrentContext(source.context);
    return config;
  });
}

/** What the configuration falls back to when it finds neither file nor pod: nobody means that one. */
const fallbackServer = 'http://localhost:8080';

class KubeConfigCredentials implements Credentials {
  readonly server: string;
  readonly namespace: string;
  readonly #load: () => KubeConfig;
  #config: KubeConfig;
  #access: Promise<Access> | undefined;
  #readAt = -Infinity;
  #refused = false;
  #dispatcher: Dispatcher | undefined;
  #fingerprint = '';

  constructor(load: () => KubeConfig) {
    this.#load = load;
    this.#config = load();
    const target = this.#config.getCurrentCluster();
    if (!target || target.server === fallbackServer) throw new KubeRuntimeError('credentials_missing');
    this.server = target.server;
    this.namespace = this.#config.getContextObject(this.#config.getCurrentContext())?.namespace ?? 'default';
  }

  current(): Promise<Access> {
    if (!this.#access || performance.now() - this.#readAt > freshForMs) {
      this.#readAt = performance.now();
      this.#access = this.#read();
      // a failed read (a token file just being replaced) must not be kept for a minute
      this.#access.catch(() => this.refresh());
    }
    return this.#access;
  }

  refresh(): void {
    this.#access = undefined;
    this.#refused = true;
  }

  reconnect(): void {
    this.#access = undefined;
    this.#fingerprint = '';
  }

  async close(): Promise<void> {
    await this.#dispatcher?.destroy();
  }

  /** After a refusal from the start: the configuration itself keeps a token file for a minute, and an exec plugin's answer for longer. */
  async #read(): Promise<Access> {
    if (this.#refused) this.#config = this.#load();
    this.#refused = false;
    const options: RequestOptions = {};
    await this.#config.applyToHTTPSOptions(options);
    return { dispatcher: this.#dispatcherFor(options), headers: { ...plainHeaders(options.headers), ...this.#basicAuth() } };
  }

  /** Keeps connections for as long as the TLS material stays what it is. */
  #dispatcherFor({ ca, cert, key, servername, rejectUnauthorized }: RequestOptions): Dispatcher {
    const fingerprint = createHash('sha256')
      .update([ca, cert, key, servername, rejectUnauthorized].map(String).join('\n'))
      .digest('base64');
    if (this.#dispatcher && fingerprint === this.#fingerprint) return this.#dispatcher;
    const outdated = this.#dispatcher;
    this.#dispatcher = this.#newDispatcher({
      ...(ca !== undefined && { ca }),
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
      ...(servername !== undefined && { servername }),
      ...(rejectUnauthorized !== undefined && { rejectUnauthorized }),
    });
    this.#fingerprint = fingerprint; // not before: material that cannot be read is complained of as long as it is there
    void outdated?.close(); // lets running requests end; watches go on until the server's own time-out
    return this.#dispatcher;
  }

  #newDispatcher({ servername, rejectUnauthorized, ...material }: TLSOptions): Dispatcher {
    // Probes from 30 s of silence on: load balancers drop idle connections after 60 s without telling. The material is read once, not for each connection.
    const connect = {
      ...(servername !== undefined && { servername }),
      ...(rejectUnauthorized !== undefined && { rejectUnauthorized }),
      secureContext: createSecureContext(material),
      keepAlive: true,
      keepAliveInitialDelay: 30_000,
    };
    const proxy = this.#config.getCurrentCluster()?.proxyUrl;
    // HTTP/1.1: each watch has its own connection, so that one that hangs or is cut takes no other with it.
    if (!proxy) return new Agent({ allowH2: false, keepAliveTimeout: idleMs, connect });
    if (proxy.startsWith('socks')) throw new KubeRuntimeError('proxy_unsupported', { proxy });
    return new ProxyAgent({ allowH2: false, keepAliveTimeout: idleMs, uri: proxy, requestTls: connect });
  }

  #basicAuth(): Record<string, string> {
    const user = this.#config.getCurrentUser();
    if (!user?.username) return {};
    return { authorization: `Basic ${Buffer.from(`${user.username}:${user.password ?? ''}`).toString('base64')}` };
  }
}

function plainHeaders(headers: unknown): Record<string, string> {
  if (typeof headers !== 'object' || headers === null) return {};
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)]));
}
