import { voucherHeader, type AgentDocument } from '@cloister/tenancy';
import type { IncomingMessage } from 'node:http';
import { modelsFor } from '../agent/models.ts';
import type { Conversations } from '../memory/conversations.ts';
import type { Turns } from '../memory/turns.ts';
import { firstReachable, type ModelsOptions, type Served } from '../model/first-reachable.ts';
import type { CurrentSettings } from '../settings/current-settings.ts';
import type { SettingsStore } from '../settings/settings-store.ts';
import { contextOf } from './request-context.ts';

/** What the routes work with. */
export interface AgentParts {
  readonly document: AgentDocument;
  readonly models: ModelsOptions;
  readonly currentSettings: CurrentSettings;
  readonly settingsStore: SettingsStore;
  readonly conversations: Conversations;
  readonly turns: Turns;
  readonly now: () => Date;
}

export interface Asked {
  /** As the caller named it. */
  readonly model: string | undefined;
  readonly modelInForce: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly signal: AbortSignal;
}

/** Asks the model that the request is meant for, or its fallbacks, on behalf of `request`. */
export async function askModel({ document, models }: AgentParts, request: IncomingMessage, asked: Asked): Promise<Served> {
  const context = contextOf(request);
  const candidates = modelsFor(document, asked.model, asked.modelInForce);
  const { requestId, span } = context;
  const { body, signal } = asked;
  const voucher = request.headers[voucherHeader];
  const call = { body, requestId, voucher: typeof voucher === 'string' ? voucher : undefined, span, signal };
  const served = await firstReachable(models, candidates, call, context);
  context.model = served.model;
  return served;
}
