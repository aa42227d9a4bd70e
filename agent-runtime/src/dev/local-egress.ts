/** What egress is in a cluster, for a laptop: passes chat completions to one OpenAI-compatible server, or answers them with the echo model. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { readAll } from '../model/bytes.ts';
import { chatRequest, echoChunks, echoCompletion, type ChatRequest } from './echo-model.ts';

export interface Upstream {
  /** Ends with /v1. */
  readonly baseURL: string;
  readonly apiKey: string | undefined;
}

export function localEgress(upstream: Upstream | undefined): Server {
  return createServer((request, response) => {
    handle(request, response, upstream).catch((error: unknown) => {
      const message = `the model could not be asked: ${error instanceof Error ? error.message : 'unknown reason'}`;
      if (response.headersSent) response.destroy();
      else sendJSON(response, 502, { error: { message, type: 'server_error', param: null, code: 'provider_unreachable' } });
    });
  });
}

async function handle(request: IncomingMessage, response: ServerResponse, upstream: Upstream | undefined): Promise<void> {
  const body = chatRequest.parse(JSON.parse((await readAll(request)).toString('utf8')));
  if (upstream) await forward(body, response, upstream);
  else if (body.stream === true) sendChunks(response, body);
  else sendJSON(response, 200, echoCompletion(body));
}

async function forward(body: ChatRequest, response: ServerResponse, { baseURL, apiKey }: Upstream): Promise<void> {
  const model = body.model.slice(body.model.indexOf('/') + 1);
  const hangUp = new AbortController();
  response.once('close', () => hangUp.abort());
  const answer = await fetch(`${baseURL}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }) },
    body: JSON.stringify({ ...body, model }),
    signal: hangUp.signal,
  });
  response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'application/json' });
  if (answer.body) await pipeline(Readable.fromWeb(answer.body), withoutCarriageReturns, response);
  else response.end();
}

/** Agents look for events whose lines end as egress ends them, which some servers end with CRLF. Within JSON, no such byte is more than white space. */
async function* withoutCarriageReturns(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) yield piece.includes(carriageReturn) ? piece.filter((byte) => byte !== carriageReturn) : piece;
}
const carriageReturn = 0x0d;

function sendChunks(response: ServerResponse, body: ChatRequest): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const chunk of echoChunks(body)) response.write(`data: ${JSON.stringify(chunk)}\n\n`);
  response.end('data: [DONE]\n\n');
}

function sendJSON(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
