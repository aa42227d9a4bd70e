import { createServer, type Server, type ServerResponse } from 'node:http';
import type { Registry } from 'prom-client';

/** A question with a yes, or the reasons for a no. */
export type Check = () => readonly string[];

export interface HealthServerOptions {
  readonly port: number;
  readonly host?: string | undefined;
  readonly registry: Registry;
  /** What is broken for good, so that a restart would help. */
  readonly unhealthy: Check;
  /** What is not there yet. */
  readonly unready: Check;
}

export interface HealthServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Serves `/healthz`, `/readyz` and `/metrics`. A failing check answers 503 and names what fails. */
export async function serveHealth({ port, host, registry, unhealthy, unready }: HealthServerOptions): Promise<HealthServer> {
  const server = createServer((request, response) => {
    const path = request.url?.split('?')[0];
    if (path === '/healthz') answer(response, unhealthy());
    else if (path === '/readyz') answer(response, unready());
    else if (path === '/metrics') void metrics(response, registry);
    else response.writeHead(404).end('try /healthz, /readyz or /metrics\n');
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return { port: portOf(server), close: () => close(server) };
}

function answer(response: ServerResponse, problems: readonly string[]): void {
  response.writeHead(problems.length === 0 ? 200 : 503, { 'content-type': 'text/plain' });
  response.end(problems.length === 0 ? 'ok\n' : `${problems.join('\n')}\n`);
}

async function metrics(response: ServerResponse, registry: Registry): Promise<void> {
  try {
    const text = await registry.metrics();
    response.writeHead(200, { 'content-type': registry.contentType }).end(text);
  } catch {
    response.writeHead(500).end('a metric could not be read\n'); // one bad collector must not end the process
  }
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
