/** The agent's routes and what every request passes on its way to them. */
import { answerError } from '@cloister/api-errors';
import type { VerifyCaller } from '@cloister/identity';
import type { Logger } from '@cloister/telemetry';
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { ClientGone, fail } from '../errors.ts';
import type { Measures } from '../measures.ts';
import { DatabaseUnavailable } from '../store/database.ts';
import type { AgentParts } from './agent-parts.ts';
import { authenticate, checkScope, requireScope } from './authenticate.ts';
import { holdsPlainJSON, readJSON } from './plain-json.ts';
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

const completions = '/v1/chat/completions';

/**
 * Completions, nearly all that an agent is asked, pass express by: it took a tenth of an agent's processor time. One that is asked for in another
 * way than clients do (compressed, in another charset, without a length) goes through express like all else.
 */
export function createApp(options: AppOptions): RequestListener {
  const { parts, verify, logger, measures, maxBodyBytes } = options;
  const follow = followRequests(logger, measures);
  const identify = authenticate(verify, parts.document.tenant);
  const complete = chatCompletions(parts);
  const answerFailure = failures(logger);
  const app = expressApp(options, answerFailure);
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    follow(request, response);
    await identify(request);
    if (request.method !== 'POST' || request.url !== completions || !holdsPlainJSON(request, maxBodyBytes)) {
      app(request, response);
      return;
    }
    contextOf(request).route = completions;
    checkScope(request, 'chat');
    await complete(request, response, await readJSON(request));
  };
  return (request, response) => {
    serve(request, response).catch((error: unknown) => answerFailure(error, request, response));
  };
}

function expressApp({ parts, maxBodyBytes }: AppOptions, answerFailure: AnswerFailure): Express {
  const { document } = parts;
  const app = express().disable('x-powered-by').disable('etag');
  app.use(express.json({ limit: maxBodyBytes }));

  const complete = chatCompletions(parts);
  app.post(completions, named(completions), requireScope('chat'), (request, response) => complete(request, response, request.body));
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
  const last: ErrorRequestHandler = (error: unknown, request, response, _next) => answerFailure(error, request, response);
  app.use(last);
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

type AnswerFailure = (error: unknown, request: IncomingMessage, response: ServerResponse) => void;

function failures(logger: Logger): AnswerFailure {
  const report = (error: unknown, requestId: string): void => logger.error({ requestId, err: error }, 'Request failed');
  return (error, request, response) => {
    if (error instanceof ClientGone) response.destroy();
    else if (error instanceof DatabaseUnavailable) {
      contextOf(request).logger.warn({ reason: error.message }, 'Database unavailable');
      answerError(response, fail('database_unavailable', { retryAfterSeconds: 5 }), report);
    } else answerError(response, error, report);
  };
}
