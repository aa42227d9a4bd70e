/**
 * What edge cannot leave out of a call, by the shortest way to it, and nothing else: who has the key, its limits, the agent's token, TLS to the agent, one
 * line in the log and two metrics. What edge costs is measured against this as well as against a pass-through that has no duties.
 */
import { createRegistry, Counter, requestDurations } from '@cloister/telemetry';
import { hashApiKey, createApiKey } from '@cloister/identity';
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Agent, request } from 'undici';
import { announce, listen } from './announce.ts';
import { logger } from './log.ts';
import { given, readSetup } from './setup.ts';
import { nameOf } from './tenants.ts';

const { upstream, tenants, keys } = readSetup();
const { authority } = given(keys, 'keys');
const all = Array.from({ length: tenants }, (_, number) => ({ name: nameOf(number), key: createApiKey(nameOf(number)) }));
const known = new Map(
  all.map(({ name, key }) => [hashApiKey(key), { name, token: `token of ${name}`.padEnd(300, '.'), counts: [0, 0, 0, 0, 0, 0] }]),
);
const dispatcher = new Agent({ keepAliveTimeout: 4_000, connect: { ca: authority } });
const registry = createRegistry();
const durations = requestDurations(registry);
const requests = new Counter({ name: 'requests_total', help: 'Requests', labelNames: ['tenant'] as const, registers: [registry] });
const log = logger('edge-duties', { silent: false });

const serve = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
  const startedAt = performance.now();
  const id = randomUUID();
  const tenant = known.get(hashApiKey(incoming.headers.authorization?.slice('Bearer '.length) ?? ''));
  if (!tenant) {
    response.writeHead(401).end();
    return;
  }
  tenant.counts = tenant.counts.map((count) => count + 1);
  const answer = await request(`${upstream}/v1/chat/completions`, {
    dispatcher,
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'content-length': incoming.headers['content-length'] ?? '',
      'x-request-id': id,
      authorization: `Bearer ${tenant.token}`,
    },
    body: incoming,
  });
  response.writeHead(answer.statusCode, { 'content-type': String(answer.headers['content-type']), 'x-request-id': id });
  answer.body.pipe(response).once('finish', () => {
    const ms = performance.now() - startedAt;
    durations.observe({ method: 'POST', route: '/v1/chat/completions', status: String(answer.statusCode) }, ms / 1000);
    requests.inc({ tenant: tenant.name });
    log.info({ id, tenant: tenant.name, method: 'POST', path: incoming.url, status: answer.statusCode, ms }, 'Request');
  });
};
const measured = given(all.at(-1), 'tenants');
announce({
  url: `http://127.0.0.1:${await listen(createServer((incoming, response) => void serve(incoming, response)))}`,
  headers: { authorization: `Bearer ${measured.key}` },
});
