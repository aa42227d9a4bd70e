import { errorHandler } from '@cloister/api-errors';
import type { Logger } from '@cloister/telemetry';
import express, { type Express, type RequestHandler } from 'express';

/** An express application that answers everything with one handler, and every error in the shape of the catalogue. */
export function application(handler: RequestHandler, log: Logger): Express {
  const app = express();
  app.disable('x-powered-by').disable('etag').set('query parser', false).set('case sensitive routing', true);
  app.use(handler);
  app.use(errorHandler((error, requestId) => log.error({ err: error, requestId }, 'unexpected error')));
  return app;
}
