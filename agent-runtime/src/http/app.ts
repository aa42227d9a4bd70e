/** The agent's routes and what every request passes on its way to them. */
import { errorHandler, sendError } from '@cloister/api-errors';
import type { VerifyCaller } from '@cloister/identity';
import type { Logger } from '@cloister/telemetry';
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import { ClientGone, fail } from '../errors.ts';
import type { Measures } from '../measures.ts';
import { DatabaseUnavailable } from '../store/database.ts';
import type { AgentParts } from './agent-parts.ts';
import { authenticate, requireScope } from './authenticate.ts';
import { contextOf, followRequests } from './request-context.ts';
import { chatCompletions } from './routes/chat-completions.ts';
import { getHistory, postMessage } from './routes/chat.ts';
import { listModels, retrieveModel } from './routes/models.ts';
import { getSettings, putSettings } from './routes/settings.ts';

export interface AppOptions {
  readonly parts: AgentParts;
  readonly verify: VerifyCaller;
  readonly logger: Logger;
  readonly measures: Measures;
  readonly maxBodyBytes: number;
}

export function createApp({ parts, verify, logger, measures, maxBodyBytes }: AppOptions): Express {
  const { document } = parts;
  const app = express().disable('x-powered-by').disable('etag');
  app.use(followRequests(logger, measures));
  app.use(authenticate(verify, document.tenant));
  app.use(express.json({ limit: maxBodyBytes }));

  app.post('/v1/chat/completions', named('/v1/chat/completions'), requireScope('chat'), chatCompletions(parts));
  app.get('/v1/models', named('/v1/models'), requireScope('chat'), listModels(document));
  app.get('/v1/models/*model', named('/v1/models/{model}'), requireScope('chat'), retrieveModel(document));

  const chat = '/api/v1/tenants/:id/chat';
  const ofTenant = onlyTenant(document.tenant);
  app.post(chat, named('/api/v1/tenants/{id}/chat'), ofTenant, requireScope('chat'), postMessage(parts));
  app.get(chat, named('/api/v1/tenants/{id}/chat'), ofTenant, requireScope('chat'), getHistory(parts));

  const settings = '/api/v1/tenants/:id/settings';
  app.get(settings, named('/api/v1/tenants/{id}/settings'), ofTenant, requireScope('settings'), getSettings(parts));
  app.put(settings, named('/api/v1/tenants/{id}/settings'), ofTenant, requireScope('settings'), putSettings(parts));

  app.use(() => {
    throw fail('not_found');
  });
  app.use(leaveTheGone, explainDatabase, errorHandler(reportTo(logger)));
  return app;
}

const named =
  (route: string): RequestHandler =>
  (request, _response, next) => {
    contextOf(request).route = route;
    next();
  };

/** A path that names another tenant names nothing here, and looks exactly like a path that does not exist. */
const onlyTenant =
  (tenant: string): RequestHandler<{ id: string }> =>
  (request, _response, next) => {
    if (request.params.id !== tenant) throw fail('not_found');
    next();
  };

const leaveTheGone: ErrorRequestHandler = (error, _request, response, next) => {
  if (error instanceof ClientGone) response.destroy();
  else next(error);
};

const explainDatabase: ErrorRequestHandler = (error, request, response, next) => {
  if (!(error instanceof DatabaseUnavailable)) {
    next(error);
    return;
  }
  contextOf(request).logger.warn({ reason: error.message }, 'Database unavailable');
  sendError(response, fail('database_unavailable', { retryAfterSeconds: 5 }));
};

const reportTo =
  (logger: Logger) =>
  (error: unknown, requestId: string): void =>
    logger.error({ requestId, err: error }, 'Request failed');
