import { KubeError } from '../errors.ts';
import { isRecord, parseJson, textOf, type JsonRecord } from '../json.ts';
import type { ApiRequest } from './request.ts';

const longestMessage = 1000;
/** No API server asks for more; a proxy whose clock is wrong may, and must not keep us away for days. */
const longestWaitMs = 300_000;

type AnswerHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** What the server answered, as an error. Understands `Status` objects; anything else, such as a proxy's page, is named by its code. */
export function refusal(request: ApiRequest, status: number, body: string, headers: AnswerHeaders = {}): KubeError {
  const answer = statusObject(body);
  const retryAfterMs = waitInHeader(headers) ?? waitIn(answer);
  return new KubeError({ ...place(request), ...explain(request, status, answer), retryAfterMs });
}

/** An `ERROR` event inside a watch: a `Status` object where an object was expected. */
export function refusalInStream(request: ApiRequest, answer: JsonRecord): KubeError {
  const code = typeof answer['code'] === 'number' ? answer['code'] : 500;
  return new KubeError({ ...place(request), ...explain(request, code, answer), retryAfterMs: waitIn(answer) });
}

/** No answer: refused, reset, timed out. Undici names the cause; the message holds no headers. */
export function unreachable(request: ApiRequest, cause: unknown): KubeError {
  const says = cause instanceof Error ? cause.message || codeOf(cause) : String(cause);
  return new KubeError({ ...place(request), status: 0, reason: isTimeout(cause) ? 'Timeout' : 'Unreachable', says }, { cause });
}

const place = ({ method = 'GET', path }: ApiRequest): { method: string; path: string } => ({ method, path });

function explain(request: ApiRequest, status: number, answer: JsonRecord) {
  const details = isRecord(answer['details']) ? answer['details'] : {};
  const causes = Array.isArray(details['causes']) ? details['causes'].filter(isRecord) : [];
  return {
    status,
    reason: textOf(answer['reason']) ?? reasonOf(status),
    // The server repeats refused values in its message; those of a Secret must never reach a log.
    says: /\/secrets(\/|$)/.test(request.path) ? undefined : textOf(answer['message'])?.slice(0, longestMessage),
    causes: causes.map((cause) => ({ reason: textOf(cause['reason']) ?? '', field: textOf(cause['field']) ?? '' })),
  };
}

function statusObject(body: string): JsonRecord {
  try {
    const answer = parseJson(body);
    return isRecord(answer) && answer['kind'] === 'Status' ? answer : {};
  } catch {
    return {}; // not the API server's own answer: its status code says what there is to say
  }
}

function waitIn(answer: JsonRecord): number | undefined {
  const details = isRecord(answer['details']) ? answer['details'] : {};
  const seconds = details['retryAfterSeconds'];
  return typeof seconds === 'number' ? bounded(seconds * 1000) : undefined;
}

/** `Retry-After` of RFC 9110: seconds, or a date, which is that of the server's own clock where it tells the time. */
function waitInHeader({ 'retry-after': after, date }: AnswerHeaders): number | undefined {
  if (typeof after !== 'string' || after.trim() === '') return undefined;
  const seconds = Number(after);
  if (!Number.isNaN(seconds)) return bounded(seconds * 1000);
  const told = typeof date === 'string' ? Date.parse(date) : NaN;
  return bounded(Date.parse(after) - (Number.isNaN(told) ? Date.now() : told));
}

const bounded = (ms: number): number | undefined => (ms > 0 ? Math.min(ms, longestWaitMs) : undefined);

const reasons: Readonly<Record<number, string>> = {
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  410: 'Expired',
  422: 'Invalid',
  429: 'TooManyRequests',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};
const reasonOf = (status: number): string => reasons[status] ?? (status >= 500 ? 'InternalError' : 'Unknown');

const codeOf = (cause: unknown): string => (isObject(cause) && typeof cause['code'] === 'string' ? cause['code'] : '');
const isObject = (value: unknown): value is JsonRecord => typeof value === 'object' && value !== null;
const isTimeout = (cause: unknown): boolean =>
  /TIMEOUT|ETIMEDOUT/.test(codeOf(cause)) || (cause instanceof Error && cause.name === 'TimeoutError');
