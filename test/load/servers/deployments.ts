/**
 * An API server that knows one thing: 5,000 Deployments. Lists them, in pages where asked, and answers a watch with events as fast as they
 * are taken. Announces its URL on its first line.
 */
import { createServer, type ServerResponse } from 'node:http';
import { announce } from './announce.ts';
import { bodyOf, count, events, firstVersion } from '../informers/deployments.ts';

const pageOf = (from: number, limit: number): string => {
  const items = Array.from({ length: Math.min(limit, count - from) }, (_, index) => bodyOf(from + index, firstVersion));
  const next = from + limit < count ? `,"continue":"${from + limit}"` : '';
  return `{"kind":"DeploymentList","apiVersion":"apps/v1","metadata":{"resourceVersion":"${firstVersion}"${next}},"items":[${items.join(',')}]}`;
};

/** Made beforehand, so that the server is never what is measured. */
const pages = new Map<string, Buffer>();
function page(from: number, limit: number): Buffer {
  const key = `${from}/${limit}`;
  const known = pages.get(key) ?? Buffer.from(pageOf(from, limit));
  pages.set(key, known);
  return known;
}
for (let from = 0; from < count; from += 500) page(from, 500);
page(0, count);

const perChunk = 40;
const chunks = Array.from({ length: events / perChunk }, (_, chunk) =>
  Buffer.from(
    Array.from({ length: perChunk }, (_, index) => {
      const number = chunk * perChunk + index;
      return `{"type":"MODIFIED","object":${bodyOf(number % count, firstVersion + 1 + number)}}\n`;
    }).join(''),
  ),
);

async function stream(response: ServerResponse): Promise<void> {
  for (const chunk of chunks) {
    if (response.destroyed) return;
    if (!response.write(chunk)) await new Promise((resolve) => response.once('drain', resolve));
  }
}

const server = createServer((request, response) => {
  const { searchParams } = new URL(request.url ?? '/', 'http://localhost');
  response.setHeader('content-type', 'application/json');
  if (searchParams.get('watch') === 'true') {
    response.flushHeaders();
    void stream(response);
    return;
  }
  const limit = Number(searchParams.get('limit') ?? 0);
  response.end(page(Number(searchParams.get('continue') ?? 0), limit > 0 ? limit : count));
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (typeof address === 'object' && address) announce({ url: `http://127.0.0.1:${address.port}` });
});
