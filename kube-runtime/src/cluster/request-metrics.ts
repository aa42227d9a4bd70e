import type { Registry } from 'prom-client';
import { counter, histogram } from '../metrics.ts';

export interface RequestMetrics {
  /** Starts the clock; call the result with the status, or 0 when no answer came. */
  begin(method: string): (status: number) => void;
  /** Counts a stream once it is open or refused: how long it stays open is no latency. */
  opened(status: number): void;
  retried(method: string, status: number): void;
}

/** The names under which every Go controller reports its requests, so that existing dashboards fit. */
export function requestMetrics(registry: Registry, host: string): RequestMetrics {
  const total = counter(registry, {
    name: 'rest_client_requests_total',
    help: 'Requests to the API server by status code, method and host',
    labelNames: ['code', 'method', 'host'],
  });
  const duration = histogram(registry, {
    name: 'rest_client_request_duration_seconds',
    help: 'Time until the answer was complete, by method and host',
    labelNames: ['verb', 'host'],
    buckets: [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60],
  });
  const again = counter(registry, {
    name: 'rest_client_request_retries_total',
    help: 'Requests repeated, by the status code that led to it',
    labelNames: ['code', 'verb', 'host'],
  });
  const codeOf = (status: number): string => (status === 0 ? '<error>' : String(status));
  return {
    begin(method) {
      const end = duration.startTimer({ verb: method, host });
      return (status) => {
        end();
        total.inc({ code: codeOf(status), method, host });
      };
    },
    opened: (status) => total.inc({ code: codeOf(status), method: 'GET', host }),
    retried: (method, status) => again.inc({ code: codeOf(status), verb: method, host }),
  };
}
