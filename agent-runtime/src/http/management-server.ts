import { createServer, type Server } from 'node:http';
import type { Registry } from '@cloister/telemetry';
import { answerProbe } from './health.ts';
import type { Lifecycle } from './lifecycle.ts';

/** `/metrics` and the probes, on a port that no tenant reaches. */
export function managementServer(registry: Registry, lifecycle: Lifecycle): Server {
  return createServer((request, response) => {
    if (answerProbe(request, response, lifecycle)) return;
    if (request.url !== '/metrics') {
      response.writeHead(404).end();
      return;
    }
    registry.metrics().then(
      (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
      () => response.writeHead(500).end(),
    );
  });
}
