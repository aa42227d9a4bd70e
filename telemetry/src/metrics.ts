import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { collectDefaultMetrics, Histogram, Registry } from 'prom-client';

export { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** A registry with the process's own metrics in it. */
export function createRegistry(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return registry;
}

/** `http_server_request_duration_seconds{method,route,status}`; `route` is the pattern, never the path, so that it stays few. */
export function requestDurations(registry: Registry): Histogram<'method' | 'route' | 'status'> {
  return new Histogram({
    name: 'http_server_request_duration_seconds',
    help: 'Time from the first byte of a request to the last byte of its answer, in seconds',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120],
    registers: [registry],
  });
}

/** What a kubelet asks. Both must answer at once, from what is known. */
export interface Probes {
  /** False: nothing but a restart would help. */
  readonly live: () => boolean;
  /** False: send no new requests here. */
  readonly ready: () => boolean;
}

const always: Probes = { live: () => true, ready: () => true };

/**
 * Serves `GET /metrics` in the Prometheus text format, `/healthz` and `/readyz` on a port of their own, so that the tenant-facing
 * port never shows metrics. Listens on all addresses unless given one.
 */
export async function serveMetrics(registry: Registry, port: number, probes: Probes = always, host?: string): Promise<Server> {
  const server = createServer((request, response) => answer(registry, probes, request, response));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, host, resolve);
  });
  return server;
}

function answer(registry: Registry, probes: Probes, { url }: IncomingMessage, response: ServerResponse): void {
  if (url === '/healthz') answerProbe(response, probes.live());
  else if (url === '/readyz') answerProbe(response, probes.ready());
  else if (url !== '/metrics') response.writeHead(404).end();
  else
    registry.metrics().then(
      (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
      (error: unknown) => response.writeHead(500).end(error instanceof Error ? error.message : 'unknown error'),
    );
}

export function answerProbe(response: ServerResponse, well: boolean): void {
  response.writeHead(well ? 200 : 503, { 'content-type': 'text/plain' }).end(well ? 'ok\n' : 'no\n');
}
