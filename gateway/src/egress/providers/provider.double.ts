import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import { portOf } from '../../server/serve.ts';

export interface Asked {
  readonly headers: IncomingHttpHeaders;
  readonly body: Readonly<Record<string, unknown>>;
  readonly url: string;
}

export type Answer = (response: ServerResponse, asked: Asked) => void;

export interface ProviderDouble extends AsyncDisposable {
  /** Ends with /v1. */
  readonly baseURL: string;
  readonly asked: Asked[];
  /** What is answered from now on. */
  answer: Answer;
}

/** An OpenAI-compatible provider that remembers what it was asked and answers as told, at an address of this machine. */
export async function providerDouble(answer: Answer = completion('Hello'), host = '127.0.0.1'): Promise<ProviderDouble> {
  // A thousand may connect at once, and none that waits for its next request is closed just as it is used.
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      const body: unknown = JSON.parse(Buffer.concat(pieces).toString());
      const asked = { headers: request.headers, url: request.url ?? '', body: typeof body === 'object' && body ? { ...body } : {} };
      double.asked.push(asked);
      double.answer(response, asked);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, host, 2_048, resolve));
  const double: ProviderDouble = {
    baseURL: `http://${host}:${portOf(server)}/v1`,
    asked: [],
    answer,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return double;
}

const usageOf = (input: number, output: number) => ({ prompt_tokens: input, completion_tokens: output, total_tokens: input + output });

export const completion =
  (content: string, input = 10, output = 5): Answer =>
  (response) => {
    const choices = [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }];
    const body = { id: 'c1', object: 'chat.completion', created: 1, model: 'real-name', choices, usage: usageOf(input, output) };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };

export const chunk = (fields: object): string =>
  `data: ${JSON.stringify({ id: 'c1', object: 'chat.completion.chunk', created: 1, model: 'real-name', ...fields })}\n\n`;
export const piece = (content: string): string => chunk({ choices: [{ index: 0, delta: { content }, finish_reason: null }] });
export const stopChunk = chunk({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] });
export const usageChunk = (input: number, output: number): string => chunk({ choices: [], usage: usageOf(input, output) });
export const endMark = 'data: [DONE]\n\n';

export const beginStream = (response: ServerResponse): ServerResponse => response.writeHead(200, { 'content-type': 'text/event-stream' });

export const streamed =
  (...pieces: readonly string[]): Answer =>
  (response) => {
    beginStream(response);
    for (const text of pieces) response.write(text);
    response.end();
  };

export const failure =
  (status: number, body: string, headers: Record<string, string> = {}): Answer =>
  (response) => {
    response.writeHead(status, headers).end(body);
  };

/** One after the other; the last one again and again. */
export function inTurn(...answers: readonly [Answer, ...Answer[]]): Answer {
  let turn = 0;
  return (response, asked) => (answers[turn++] ?? answers.at(-1) ?? answers[0])(response, asked);
}
