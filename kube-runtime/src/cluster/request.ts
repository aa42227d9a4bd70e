/** What the API server understands. */
export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** A request as raw JSON, for what no other method of `Cluster` does. */
export interface ApiRequest {
  readonly method?: Method;
  /** Absolute path without query, for example `/api/v1/namespaces`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Default `application/json`. */
  readonly contentType?: string;
  readonly accept?: string;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds until the answer must be complete. Default 30,000. */
  readonly timeoutMs?: number;
}

/** A write on its way out. Without its body: interceptors may log what they see. */
export interface Write {
  readonly method: Exclude<Method, 'GET'>;
  readonly path: string;
  readonly contentType: string;
}

/**
 * Stands between every write and the server: may count it, delay it, refuse it (throw before `proceed`), or lose its answer (throw after).
 * A signal given to `proceed` can cut the write short, beside the caller's own.
 */
export type WriteInterceptor = (write: Write, proceed: (signal?: AbortSignal) => Promise<unknown>) => Promise<unknown>;

/**
 * Whether a request changes what the cluster stores. Reviews are posted but store nothing, and a dry run is a question:
 * a standby replica may ask both.
 */
export function isWrite({ method = 'GET', path, query }: ApiRequest): boolean {
  if (method === 'GET' || query?.['dryRun'] === 'All') return false;
  return !/^\/apis\/(authorization|authentication)\.k8s\.io\//.test(path);
}
