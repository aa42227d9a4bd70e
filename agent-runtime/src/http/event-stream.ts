/** Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html). */
import { once } from 'node:events';
import { tokensHeader } from '@cloister/tenancy';
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';

const headers = {
  'content-type': 'text/event-stream; charset=utf-8',
  // nginx, the usual Ingress, collects answers before it passes them on unless told otherwise.
  'x-accel-buffering': 'no',
  trailer: tokensHeader,
};

/** Of `more`, what is undefined is left as it is without it. The head goes out with the first event, in one write. */
export function startEventStream(response: ServerResponse, more: OutgoingHttpHeaders = {}): void {
  const given = Object.entries(more).filter(([, value]) => value !== undefined);
  response.writeHead(200, { ...headers, ...Object.fromEntries(given) });
}

/** Ends the stream and tells edge, behind it, what it has cost in tokens, if that is known. */
export function endEventStream(response: ServerResponse, tokens: number | undefined, last = ''): void {
  if (tokens !== undefined) response.addTrailers({ [tokensHeader]: String(tokens) });
  response.end(last);
}

/** Resolves when the client is ready for more. Rejects when the signal aborts while it waits. */
export async function send(response: ServerResponse, chunk: string | Buffer, signal: AbortSignal): Promise<void> {
  if (!response.write(chunk)) await once(response, 'drain', { signal });
}

export const dataEvent = (data: unknown): string => `data: ${JSON.stringify(data)}\n\n`;

/** As in Open Responses: the event's name is its `type`. */
export const typedEvent = (data: Readonly<Record<string, unknown>> & { readonly type: string }): string =>
  `event: ${data.type}\n${dataEvent(data)}`;
