/**
 * The one shape in which Cloister's HTTP servers report errors, the shape that OpenAI clients parse:
 * `{"error":{"message","type","param","code"}}`. Each server keeps its own catalogue of {@link ErrorKind}s.
 */
import { STATUS_CODES, type ServerResponse } from 'node:http';
import { endBehindRequest } from './over.ts';

export { onceOver } from './over.ts';

export interface ErrorKind {
  readonly status: number;
  /** OpenAI's class of error, for example `invalid_request_error`. */
  readonly type: string;
  /** What happened and what to do next. `{name}` is replaced by the detail of that name. */
  readonly say: string;
}

export type ErrorCatalogue = Readonly<Record<string, ErrorKind>>;

export interface ErrorDetails {
  /** The field of the request that is at fault. */
  readonly param?: string;
  /** Sent as `retry-after`, in whole seconds. */
  readonly retryAfterSeconds?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Fill the placeholders of the message. */
  readonly values?: Readonly<Record<string, string | number>>;
  readonly cause?: unknown;
}

export interface ErrorBody {
  readonly error: { readonly message: string; readonly type: string; readonly param: string | null; readonly code: string };
}

export class ApiError extends Error {
  readonly code: string;
  readonly kind: ErrorKind;
  readonly details: ErrorDetails;

  constructor(code: string, kind: ErrorKind, details: ErrorDetails = {}) {
    super(fill(kind.say, details.values ?? {}), details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'ApiError';
    this.code = code;
    this.kind = kind;
    this.details = details;
  }

  get body(): ErrorBody {
    return { error: { message: this.message, type: this.kind.type, param: this.details.param ?? null, code: this.code } };
  }

  get headers(): Record<string, string> {
    const { retryAfterSeconds, headers = {} } = this.details;
    return retryAfterSeconds === undefined
      ? { ...headers }
      : { ...headers, 'retry-after': String(Math.max(0, Math.ceil(retryAfterSeconds))) };
  }
}

/** Makes `fail('code', details)` for a catalogue; the codes are checked by the compiler. */
export function failures<C extends ErrorCatalogue>(catalogue: C): (code: keyof C & string, details?: ErrorDetails) => ApiError {
  return (code, details) => {
    const kind = catalogue[code];
    if (!kind) throw new Error(`no error kind "${code}"`);
    return new ApiError(code, kind, details);
  };
}

const internal: ErrorKind = {
  status: 500,
  type: 'server_error',
  say: 'something went wrong on our side; the log has it under request id {requestId}',
};
const tooLarge: ErrorKind = { status: 413, type: 'invalid_request_error', say: 'the request body is larger than {limit} bytes' };
const malformed: ErrorKind = { status: 400, type: 'invalid_request_error', say: 'the request body is no valid JSON' };

/** Writes an error unless the answer has begun, in which case the connection is cut so that nobody takes a half answer for a whole one. */
export function sendError(response: ServerResponse, error: ApiError): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const body = JSON.stringify(error.body);
  const { headers } = error;
  response.writeHead(error.kind.status, {
    ...headers,
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
  });
  const closes = (headers['connection'] ?? response.getHeader('connection')) === 'close';
  if (closes && !response.req.complete) endBehindRequest(response, body);
  else response.end(body);
}

/** The body of a request is no JSON. */
export const malformedJSON = (): ApiError => new ApiError('invalid_json', malformed);

export type Report = (error: unknown, requestId: string) => void;

/** Known errors as they are, body-parser's in our shape, everything else as 500 after `report` has logged it. */
export function answerError(response: ServerResponse, error: unknown, report: Report): void {
  const header = response.getHeader('x-request-id');
  const requestId = typeof header === 'string' ? header : 'unknown';
  const known = asApiError(error);
  if (!known) report(error, requestId);
  sendError(response, known ?? new ApiError('internal_error', internal, { values: { requestId } }));
}

function asApiError(error: unknown): ApiError | undefined {
  if (error instanceof ApiError) return error;
  if (typeof error !== 'object' || error === null) return undefined;
  const { type, limit, status }: { type?: unknown; limit?: unknown; status?: unknown } = error;
  if (type === 'entity.too.large') return new ApiError('request_too_large', tooLarge, { values: { limit: Number(limit ?? 0) } });
  if (type === 'entity.parse.failed') return malformedJSON();
  return typeof status === 'number' && status >= 400 && status < 500 ? refused(status) : undefined;
}

/** What express refuses by itself, an undecodable path or an unknown charset for example. Its message may quote the request, so it stays out. */
const refused = (status: number): ApiError =>
  new ApiError('invalid_request', {
    status,
    type: 'invalid_request_error',
    say: `the request is not usable: ${STATUS_CODES[status] ?? 'refused'}`,
  });

const fill = (text: string, values: Readonly<Record<string, string | number>>): string =>
  text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
