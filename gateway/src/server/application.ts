import { answerError } from '@cloister/api-errors';
import type { Logger } from '@cloister/telemetry';
import express, { type Request, type Response } from 'express';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';

/** A request and its answer as express knows them: with `json`, `status`, `get` and the like. */
export interface Dressed {
  readonly request: Request;
  readonly response: Response;
}

/**
 * Answers a request, or rejects. What only passes by is best left as Node gives it: to make a request express's own costs as much processor
 * time as to bring it to an agent and its answer back. `dressed` does so where the answer is made here.
 */
export type Handler = (request: IncomingMessage, response: ServerResponse, dressed: () => Promise<Dressed>) => Promise<void>;

/** Answers everything with one handler, and every error in the shape of the catalogue. */
export function application(handler: Handler, log: Logger): RequestListener {
  const dress = dresser();
  const report = (error: unknown, requestId: string) => log.error({ err: error, requestId }, 'unexpected error');
  return (request, response) => {
    handler(request, response, () => dress(request, response)).catch((error: unknown) => answerError(response, error, report));
  };
}

function dresser(): (request: IncomingMessage, response: ServerResponse) => Promise<Dressed> {
  const waiting = new WeakMap<IncomingMessage, (dressed: Dressed) => void>();
  const app = express();
  app.disable('x-powered-by').disable('etag').set('query parser', false).set('case sensitive routing', true);
  app.use((request, response) => waiting.get(request)?.({ request, response }));
  return (request, response) =>
    new Promise((resolve) => {
      waiting.set(request, resolve);
      app(request, response);
    });
}
