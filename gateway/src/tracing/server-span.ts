/** Spans by OpenTelemetry's conventions for HTTP, but for paths and queries: there, callers may have written anything. */
import type { Exchange } from '../server/exchange.ts';
import type { SpanEnd } from './tracing.ts';

/** What a request has noted of itself that is shown: names that the platform gave, flags and numbers. Not the caller, who may be a person. */
const shown = ['tenant', 'agent', 'split', 'circuitOpen', 'model', 'downgradedTo', 'throttledMs', 'cache', 'attempts', 'problem'] as const;

interface Answered {
  readonly method: string | undefined;
  readonly status: number;
  /** The caller left before the answer was complete. */
  readonly aborted: boolean;
}

/** The end of a request that has come in. By the conventions, what callers do wrong is no error of the server. */
export function serverSpan({ method, status, aborted }: Answered, { id, route, facts }: Exchange): SpanEnd {
  const known = Object.fromEntries(shown.map((name) => [`cloister.${name}`, facts[name]]));
  return {
    name: route === 'unknown' ? `${method}` : `${method} ${route}`,
    attributes: {
      'http.request.method': method,
      'url.scheme': 'http',
      'http.route': route === 'unknown' ? undefined : route,
      'http.response.status_code': status,
      'cloister.request_id': id,
      'cloister.aborted': aborted || undefined,
      ...known,
    },
    error: status >= 500 ? String(status) : undefined,
  };
}
