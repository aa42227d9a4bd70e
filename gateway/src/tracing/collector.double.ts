import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import { portOf } from '../server/serve.ts';
import { spansIn, type CollectedSpan } from './otlp-json.fixture.ts';

export interface CollectorDouble extends AsyncDisposable {
  readonly endpoint: string;
  /** In the order in which they came. */
  readonly spans: CollectedSpan[];
  /** Of each message. */
  readonly headers: IncomingHttpHeaders[];
  /** What came, as it came. */
  readonly texts: string[];
  /** Answers in the place of taking what comes. */
  refuse: ((response: ServerResponse) => void) | undefined;
}

/** A collector that takes OTLP over HTTP in JSON, at a port of this machine. */
export async function collectorDouble(): Promise<CollectorDouble> {
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      if (double.refuse) {
        double.refuse(response);
        return;
      }
      const text = Buffer.concat(pieces).toString();
      double.headers.push(request.headers);
      double.texts.push(text);
      double.spans.push(...spansIn(text));
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const double: CollectorDouble = {
    endpoint: `http://127.0.0.1:${portOf(server)}/v1/traces`,
    spans: [],
    headers: [],
    texts: [],
    refuse: undefined,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server.close(), 'close');
      server.closeAllConnections();
      await closed;
    },
  };
  return double;
}
