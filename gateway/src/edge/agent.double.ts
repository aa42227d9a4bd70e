import { textOf, type KeyPair } from '@cloister/certificates';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { portOf } from '../server/serve.ts';

export interface Heard {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface AgentDouble extends AsyncDisposable {
  readonly url: string;
  readonly heard: Heard[];
  readonly connections: () => number;
}

type Answer = (response: ServerResponse, heard: Heard, request: IncomingMessage) => void;

const sayHello: Answer = (response) => response.writeHead(200, { 'content-type': 'application/json' }).end('{"hello":true}');

/** An agent that remembers what it heard and answers as told; over TLS where it has a certificate. */
export async function agentDouble(answer: Answer = sayHello, certificate?: KeyPair, port = 0): Promise<AgentDouble> {
  const heard: Heard[] = [];
  let connections = 0;
  const hear = (request: IncomingMessage, response: ServerResponse): void => {
    void bodyOf(request).then((body) => {
      const said = { method: request.method ?? '', url: request.url ?? '', headers: request.headers, body };
      heard.push(said);
      answer(response, said, request);
    });
  };
  const text = certificate && textOf(certificate);
  const server = text === undefined ? createServer(hear) : createSecureServer({ cert: text, key: text }, hear);
  server.on('connection', () => connections++);
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${portOf(server)}`,
    heard,
    connections: () => connections,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  try {
    for await (const piece of request) if (Buffer.isBuffer(piece)) pieces.push(piece);
  } catch {
    // a caller that breaks off is part of what is tested
  }
  return Buffer.concat(pieces).toString();
}
