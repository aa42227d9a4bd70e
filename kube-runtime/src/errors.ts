/** Every error of this library itself, in one table: code → what happened and what to do next. */
const table = {
  kind_invalid: 'kind "{kind}" has apiVersion "{apiVersion}"; expected "version" or "group/version", such as "apps/v1"',
  not_an_object: 'the API server answered with {got} where an object with metadata was expected',
  list_invalid: 'a list of {length} bytes, or an item of it, is no JSON; it is asked for again',
  namespace_missing: '{kind} "{name}" is namespaced; give metadata.namespace',
  credentials_missing: 'no cluster was found in the kubeconfig; set KUBECONFIG, pass { kubeconfig }, or run inside a cluster',
  proxy_unsupported: 'proxy-url "{proxy}" of the kubeconfig is a SOCKS proxy; use an HTTP proxy',
  object_incomplete: '{kind} "{name}" has no {field}; pass the object as the API server or a cache returned it',
  owned_by_another: '{kind} "{name}" is controlled by {owner}; delete it or choose another name',
  owner_is_going: '{kind} "{name}" was not written: its owner "{owner}" is being deleted',
  owner_out_of_scope:
    '{kind} "{name}" cannot be owned by "{owner}" of namespace "{namespace}"; owners are cluster-scoped or in the same namespace',
  watch_ended: 'watch of {what} ended: {why}',
  watch_line_invalid: 'watch of {what} sent a line of {length} bytes that is no watch event; the stream is abandoned and opened again',
  index_unknown: 'there is no index "{index}"; add it with addIndex first',
  index_taken: 'there is an index "{index}" already; choose another name',
  cache_not_synced: 'cache of {what} did not fill within {seconds} s; last problem: {problem}',
  controller_incomplete: 'controller "{name}" needs .for(kind) before .reconcile(fn)',
  not_leader: '{method} {path} was refused here: this process does not hold lease "{lease}"',
  leadership_lost: 'lease "{lease}" could not be renewed within {seconds} s; another replica may lead now',
  stopped: '{what} was stopped',
} as const;

export type ErrorCode = keyof typeof table;

/** What this library refuses or gives up on by itself. Answers of the API server are `KubeError`s. */
export class KubeRuntimeError extends Error {
  readonly code: ErrorCode;

  /** `details` fill the placeholders of the message that belongs to the code. */
  constructor(code: ErrorCode, details: Readonly<Record<string, string | number>> = {}, options?: ErrorOptions) {
    super(
      table[code].replace(/\{(\w+)\}/g, (_, name: string) => String(details[name] ?? `{${name}}`)),
      options,
    );
    this.name = 'KubeRuntimeError';
    this.code = code;
  }
}

/** Thrown by a reconcile function when trying again cannot help until the object changes. Counted and logged, not retried. */
export class TerminalError extends Error {
  override readonly name = 'TerminalError';
}

export interface KubeErrorDetails {
  /** HTTP status; 0 when no answer came. */
  readonly status: number;
  /** The server's one-word reason (`NotFound`, `Conflict`, `Invalid`, …), or `Unreachable` or `Timeout`. */
  readonly reason: string;
  readonly method: string;
  readonly path: string;
  /** The server's words. Must be left out where they could repeat a Secret. */
  readonly says?: string | undefined;
  readonly retryAfterMs?: number | undefined;
  /** Details such as `{ reason: 'NamespaceTerminating', field: '' }`. */
  readonly causes?: readonly { readonly reason: string; readonly field: string }[] | undefined;
}

/** The API server said no, or nothing. Safe to log: holds no bodies. */
export class KubeError extends Error {
  /** HTTP status; 0 when no answer came. */
  readonly status: number;
  /** The server's one-word reason (`NotFound`, `Conflict`, `Invalid`, …), or `Unreachable` or `Timeout`. */
  readonly reason: string;
  /** What the server asked to wait for, if it did. */
  readonly retryAfterMs: number | undefined;
  /** What the server found wrong, field by field. */
  readonly causes: readonly { readonly reason: string; readonly field: string }[];

  /** For tests that play a server's answer. */
  constructor(details: KubeErrorDetails, options?: ErrorOptions) {
    const { method, path, status, reason, says } = details;
    super(`${method} ${path}: ${status || 'no answer'} ${reason}${says ? `: ${says}` : ''}`, options);
    this.name = 'KubeError';
    this.status = status;
    this.reason = reason;
    this.retryAfterMs = details.retryAfterMs;
    this.causes = details.causes ?? [];
  }
}

const hasStatus = (error: unknown, status: number): boolean => error instanceof KubeError && error.status === status;

/** There is no such object, or no such kind on this server. */
export const isNotFound = (error: unknown): boolean => hasStatus(error, 404);
/** Somebody else wrote in between, or the name is taken: look again, then decide again. */
export const isConflict = (error: unknown): boolean => hasStatus(error, 409);
/** The name is taken. */
export const isAlreadyThere = (error: unknown): boolean => error instanceof KubeError && error.reason === 'AlreadyExists';
/** The object breaks its schema or a policy: repeating the same write is useless. */
export const isInvalid = (error: unknown): boolean => hasStatus(error, 422) || hasStatus(error, 400);
/** The roles of this account do not allow it, or an admission policy or quota refused. */
export const isForbidden = (error: unknown): boolean => hasStatus(error, 403);
/** A list or watch asked for a version that the server has forgotten. */
export const isExpired = (error: unknown): boolean => hasStatus(error, 410);
/** Nothing can be created in a namespace on its way out: wait for it to be gone. */
export const isNamespaceTerminating = (error: unknown): boolean =>
  error instanceof KubeError && error.causes.some((cause) => cause.reason === 'NamespaceTerminating');

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
