/** Every way in which the server says no, as the `Status` object that it answers with. */
import type { FieldError } from '../rules/field-error.ts';
import type { ServedKind } from '../rules/served-kind.ts';

export interface Cause {
  readonly reason: string;
  readonly message?: string;
  readonly field?: string;
}

export interface Status {
  readonly code: number;
  readonly reason?: string;
  readonly message: string;
  readonly causes?: readonly Cause[];
  readonly retryAfterSeconds?: number;
}

export class Refused extends Error {
  readonly status: Status;

  constructor(status: Status) {
    super(status.message);
    this.name = 'Refused';
    this.status = status;
  }
}

export function statusObject({ code, reason, message, causes, retryAfterSeconds }: Status): object {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    reason,
    details: { ...(causes && { causes }), ...(retryAfterSeconds !== undefined && { retryAfterSeconds }) },
    code,
  };
}

/** `configmaps` or `deployments.apps`, as the server names resources in its messages. */
export const resourceName = ({ kind }: ServedKind): string => {
  const [group, version] = kind.apiVersion.split('/');
  return version === undefined ? kind.plural : `${kind.plural}.${group ?? ''}`;
};

const about = (served: ServedKind, name: string): string => `${resourceName(served)} "${name}"`;

export const notFound = (served: ServedKind, name: string): Refused =>
  new Refused({ code: 404, reason: 'NotFound', message: `${about(served, name)} not found` });

export const namespaceNotFound = (name: string): Refused =>
  new Refused({ code: 404, reason: 'NotFound', message: `namespaces "${name}" not found` });

export const noSuchPath = (): Refused =>
  new Refused({ code: 404, reason: 'NotFound', message: 'the server could not find the requested resource' });

export const alreadyExists = (served: ServedKind, name: string): Refused =>
  new Refused({ code: 409, reason: 'AlreadyExists', message: `${about(served, name)} already exists` });

export const conflict = (served: ServedKind, name: string, why: string, causes?: readonly Cause[]): Refused =>
  new Refused({
    code: 409,
    reason: 'Conflict',
    message: `Operation cannot be fulfilled on ${about(served, name)}: ${why}`,
    ...(causes && { causes }),
  });

export const forbidden = (served: ServedKind, name: string, why: string, causes?: readonly Cause[]): Refused =>
  new Refused({ code: 403, reason: 'Forbidden', message: `${about(served, name)} is forbidden: ${why}`, ...(causes && { causes }) });

export const invalid = (served: ServedKind, name: string, errors: readonly FieldError[]): Refused =>
  new Refused({
    code: 422,
    reason: 'Invalid',
    message: `${served.kind.kind} "${name}" is invalid: ${errors.map(({ field, message }) => `${field}: ${message}`).join(', ')}`,
    causes: errors.map(({ field, reason, message }) => ({ reason, message, field })),
  });

/** A JSON Patch that does not fit the object: 422 without a cause. */
export const unprocessable = (message: string): Refused => new Refused({ code: 422, reason: 'Invalid', message });

export const badRequest = (message: string): Refused => new Refused({ code: 400, reason: 'BadRequest', message });

export const methodNotAllowed = (): Refused =>
  new Refused({ code: 405, reason: 'MethodNotAllowed', message: 'the server does not allow this method on the requested resource' });

export const unsupportedMediaType = (): Refused =>
  new Refused({ code: 415, reason: 'UnsupportedMediaType', message: 'the body of the request was in an unknown format' });

export const internal = (message: string): Refused => new Refused({ code: 500, reason: 'InternalError', message });

/** Options of a list that exclude each other. */
export const forbiddenOption = (message: string): Refused =>
  new Refused({ code: 422, reason: 'Invalid', message: `ListOptions.meta.k8s.io "" is invalid: ${message}` });

/** The server waits three seconds for a version that is still to come, which nobody has to wait for here. */
export const tooLargeVersion = (asked: number, current: number): Refused =>
  new Refused({
    code: 504,
    reason: 'Timeout',
    message: `Timeout: Too large resource version: ${asked}, current: ${current}`,
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  });

export const expired = (): Refused => new Refused({ code: 410, reason: 'Expired', message: 'The provided resource version is too old' });
