/** A server that takes egress's place in tests: echoes by default, plays a script where a test gives one, and remembers what it was sent. */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { chatRequest, echoChunks, echoCompletion, type ChatRequest } from '../dev/echo-model.ts';
import { listen } from '../http/listen.ts';
import { readAll } from './bytes.ts';

export interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: ChatRequest;
  /** Resolves when the other end has hung up or has been answered. */
  readonly closed: Promise<void>;
}

export type Script = (body: ChatRequest, response: ServerResponse) => void | Promise<void>;

export interface EgressDouble {
  readonly baseURL: string;
  readonly received: Received[];
  /** The last request. Throws when there was none. */
  last(): Received;
  /** How it answers from now on. */
  play(script: Script): void;
  close(): void;
}

export async function egressDouble(): Promise<EgressDouble> {
  const received: Received[] = [];
  let script: Script = echo;
  const server = createServer((request, response) => {
    const closed = new Promise<void>((resolve) => response.once('close', resolve));
    const answer = async (): Promise<void> => {
      const body = chatRequest.parse(JSON.parse((await readAll(request)).toString('utf8')));
      received.push({ headers: request.headers, body, closed });
      await script(body, response);
    };
    answer().catch(() => response.destroy());
  });
  const port = await listen(server, 0, '127.0.0.1');
  return {
    baseURL: `http://127.0.0.1:${port}/v1`,
    received,
    last: () => {
      const last = received.at(-1);
      if (!last) throw new Error('egress has not been called');
      return last;
    },
    play: (next) => {
      script = next;
    },
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

export const event = (data: unknown): string => `data: ${JSON.stringify(data)}\n\n`;

export const echo: Script = (body, response) => {
  if (body.stream !== true) {
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(echoCompletion(body)));
    return;
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const chunk of echoChunks(body)) response.write(event(chunk));
  response.end('data: [DONE]\n\n');
};

export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly type?: string;
  readonly message?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export const refuse =
  ({ status, code, type = 'server_error', message = 'no', headers = {} }: Refusal): Script =>
  (_body, response) => {
    const error = { message, type, param: null, code };
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify({ error }));
  };

/** Refuses the models named, echoes for all others. */
export const refuseModels =
  (models: readonly string[], refusal: Refusal): Script =>
  (body, response) =>
    (models.includes(body.model) ? refuse(refusal) : echo)(body, response);

/** Begins a stream with the first chunks of the echo, waits for `gate`, then ends it properly or breaks it off. */
export const pausedStream =
  (gate: Promise<unknown>, end: 'properly' | 'broken' = 'properly'): Script =>
  async (body, response) => {
    const chunks = echoChunks(body).map(event);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    // Given a moment to arrive: a connection that breaks at once may take its last bytes with it.
    response.write(chunks.slice(0, 2).join(''));
    await Promise.all([gate, sleep(20)]);
    if (end === 'broken') response.destroy();
    else response.end(`${chunks.slice(2).join('')}data: [DONE]\n\n`);
  };
