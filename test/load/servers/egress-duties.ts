/**
 * What egress cannot leave out of a call, by the shortest way to it, and nothing else: whose pod it is, what is asked for (which may be more than is allowed),
 * what the answer used and how far a stream has come, one record of it in Postgres, one line in the log and two metrics. What egress costs is measured
 * against this as well as against a pass-through that has no duties.
 */
import { postgres } from '@cloister/gateway';
import { Counter, createRegistry, requestDurations } from '@cloister/telemetry';
import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Agent, request, type Dispatcher } from 'undici';
import { announce, listen } from './announce.ts';
import { logger } from './log.ts';
import { given, readSetup } from './setup.ts';
import { nameOf } from './tenants.ts';

interface Asked {
  readonly model: string;
  max_tokens?: number;
  readonly stream?: boolean;
  stream_options?: object;
}
interface Answer {
  readonly usage?: { readonly prompt_tokens: number; readonly completion_tokens: number };
  readonly choices: readonly { readonly delta?: { readonly content?: string } }[];
}

const { upstream, tenants, stores, podToken } = readSetup();
/** Of signatures that were found good once. */
const known = new Map(
  Array.from({ length: tenants }, (_, number) => [`Bearer ${podToken}${number === tenants - 1 ? '' : number}`, nameOf(number)]),
);
const dispatcher = new Agent({ keepAliveTimeout: 4_000 });
const registry = createRegistry();
const durations = requestDurations(registry);
const spent = new Counter({ name: 'spent_total', help: 'Micro-dollars', labelNames: ['tenant'] as const, registers: [registry] });
const log = logger('egress-duties', { silent: false });
const sql = postgres(given(stores, 'stores').postgresURL, () => undefined);
await sql.query('create table if not exists duties (record text not null, hash text not null)', []);

let head = '';
let waiting: { readonly record: string; readonly hash: string }[] = [];
let writing = false;
async function write(): Promise<void> {
  if (writing) return;
  writing = true;
  while (waiting.length > 0) {
    const batch = waiting;
    waiting = [];
    const columns = [batch.map(({ record }) => record), batch.map(({ hash }) => hash)];
    await sql.query('insert into duties select * from unnest($1::text[], $2::text[])', columns, 'duties');
  }
  writing = false;
}

const serve = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
  const startedAt = performance.now();
  const id = randomUUID();
  const tenant = known.get(incoming.headers.authorization ?? '');
  if (tenant === undefined) {
    response.writeHead(401).end();
    return;
  }
  const asked = JSON.parse(await textOf(incoming)) as Asked;
  asked.max_tokens = Math.min(asked.max_tokens ?? 16_000, 16_000);
  if (asked.stream) asked.stream_options = { include_usage: true };
  const answer = await request(`${upstream}/v1/chat/completions`, {
    dispatcher,
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-request-id': id },
    body: JSON.stringify(asked),
  });
  response.writeHead(answer.statusCode, { 'content-type': String(answer.headers['content-type']), 'x-request-id': id });
  const usage = asked.stream ? await passOn(answer.body, response) : await passWhole(answer.body, response);
  const microUsd = Math.ceil((usage?.prompt_tokens ?? 0) * 0.25 + (usage?.completion_tokens ?? 0) * 2);
  const ms = performance.now() - startedAt;
  const facts = { tenant, model: asked.model, status: answer.statusCode, ...usage, microUsd, ms };
  durations.observe({ method: 'POST', route: '/v1/chat/completions', status: String(answer.statusCode) }, ms / 1000);
  spent.inc({ tenant }, microUsd);
  log.info({ id, ...facts }, 'Request');
  const record = JSON.stringify({ at: new Date().toISOString(), id, ...facts });
  head = createHash('sha256').update(head).update(record).digest('hex');
  waiting.push({ record, hash: head });
  void write();
};

async function textOf(body: AsyncIterable<Buffer>): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of body) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

async function passWhole(body: Dispatcher.ResponseData['body'], response: ServerResponse): Promise<Answer['usage']> {
  const text = await body.text();
  const { usage } = JSON.parse(text) as Answer;
  response.end(text);
  return usage;
}

/** Each event is looked at before it goes on: a stream must be cut where the money ends. */
async function passOn(body: AsyncIterable<Buffer>, response: ServerResponse): Promise<Answer['usage']> {
  let rest = '';
  let length = 0;
  let usage: Answer['usage'];
  const decoder = new TextDecoder();
  for await (const piece of body) {
    const events = (rest + decoder.decode(piece, { stream: true })).split('\n\n');
    rest = events.pop() ?? '';
    let out = '';
    for (const event of events) {
      const data = event.slice('data: '.length);
      if (data !== '[DONE]') {
        const chunk = JSON.parse(data) as Answer;
        usage = chunk.usage ?? usage;
        length += chunk.choices[0]?.delta?.content?.length ?? 0;
      }
      out += `${event}\n\n`;
    }
    if (length < 1e9) response.write(out);
  }
  response.end(rest);
  return usage;
}

announce({ url: `http://127.0.0.1:${await listen(createServer((incoming, response) => void serve(incoming, response)))}` });
