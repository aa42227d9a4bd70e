/** `GET` and `POST /api/v1/tenants/{id}/chat`: conversations that the agent keeps. */
import { ApiError } from '@cloister/api-errors';
import { tokensHeader } from '@cloister/tenancy';
import type { Request, RequestHandler, Response } from 'express';
import { z } from 'zod';
import { checkMessageSize, completionRequest } from '../../agent/completion-request.ts';
import { converse, type Exchanged, type HistoryMessage, type Listener, type Question } from '../../agent/converse.ts';
import { inForce } from '../../agent/in-force.ts';
import { fail } from '../../errors.ts';
import type { Conversation, Message } from '../../memory/conversations.ts';
import { budgetNotesOf } from '../../model/budget-notes.ts';
import type { Served } from '../../model/first-reachable.ts';
import { askModel, type AgentParts } from '../agent-parts.ts';
import { answerSignal } from '../answer-signal.ts';
import { endEventStream, send, startEventStream, typedEvent } from '../event-stream.ts';
import { parseInput } from '../parse.ts';
import { callerOf } from '../request-context.ts';

const messageBody = z.strictObject({
  message: z.string().min(1),
  conversationId: z.string().optional(),
  stream: z.boolean().optional(),
});

const historyQuery = z.strictObject({
  conversationId: z.string().optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  before: z.uuid().optional(),
});

export function postMessage(parts: AgentParts): RequestHandler {
  const { document } = parts;
  return async (request, response) => {
    const { message, conversationId, stream = false } = parseInput(messageBody, request.body);
    checkMessageSize('message', message, document.limits.maxMessageBytes);
    const question: Question = {
      subject: callerOf(request).subject,
      text: message,
      conversation: conversationId,
      remember: document.memory.maxMessages,
      signal: answerSignal(response, document.limits.requestTimeoutSeconds),
    };
    const ask = async (messages: readonly HistoryMessage[]): Promise<Served> => {
      const served = await askForStream(parts, request, messages, question.signal);
      response.set(budgetNotesOf(served.answer));
      return served;
    };
    const work = (listener: Listener): Promise<Exchanged> => converse({ ...parts, ask }, question, listener);
    if (stream) await answerAsEvents(response, question.signal, work);
    else answerWhole(response, await work({ onStart: () => undefined, onText: () => Promise.resolve() }));
  };
}

async function askForStream(
  parts: AgentParts,
  request: Request,
  messages: readonly HistoryMessage[],
  signal: AbortSignal,
): Promise<Served> {
  const { document, currentSettings, now } = parts;
  const rules = inForce(document, await currentSettings.read());
  const wanted = { messages: messages.map((message) => ({ ...message })), stream: true, stream_options: { include_usage: true } };
  const body = completionRequest(wanted, document, rules, now());
  return askModel(parts, request, { model: undefined, modelInForce: rules.model, body, signal });
}

function answerWhole(response: Response, exchanged: Exchanged): void {
  const tokens = tokensOf(exchanged);
  if (tokens !== undefined) response.set(tokensHeader, String(tokens));
  response.json(exchangeJSON(exchanged));
}

/** Errors from before the first event are plain HTTP errors; later ones are an event of type `error`, the last. */
async function answerAsEvents(response: Response, signal: AbortSignal, work: (listener: Listener) => Promise<Exchanged>): Promise<void> {
  try {
    const exchanged = await work({
      onStart: ({ conversation, message }) => {
        startEventStream(response);
        response.write(typedEvent({ type: 'message.started', conversationId: conversation, messageId: message }));
      },
      onText: (delta) => send(response, typedEvent({ type: 'message.delta', delta }), signal),
    });
    endEventStream(response, tokensOf(exchanged), typedEvent({ type: 'message.completed', ...exchangeJSON(exchanged) }));
  } catch (error) {
    if (!response.headersSent || !(error instanceof ApiError)) throw error;
    response.end(typedEvent({ type: 'error', ...error.body }));
  }
}

export function getHistory({ conversations }: AgentParts): RequestHandler {
  return async (request, response) => {
    const { conversationId, limit, before } = parseInput(historyQuery, request.query);
    const { subject } = callerOf(request);
    // One more than asked for tells whether there is another page.
    const page = { limit: limit + 1, before };
    if (conversationId === undefined) {
      const found = await conversations.list(subject, page);
      const shown = found.slice(0, limit);
      response.json({ conversations: shown.map(conversationJSON), nextBefore: found.length > limit ? shown.at(-1)?.id : null });
      return;
    }
    if (!(await conversations.belongsTo(subject, conversationId))) throw fail('conversation_not_found', { param: 'conversationId' });
    const found = await conversations.messages(conversationId, page);
    const shown = found.slice(-limit);
    response.json({ conversationId, messages: shown.map(messageJSON), nextBefore: found.length > limit ? shown[0]?.id : null });
  };
}

const conversationJSON = ({ id, title, createdAt, updatedAt }: Conversation): Record<string, string> => ({
  id,
  title,
  createdAt: createdAt.toISOString(),
  updatedAt: updatedAt.toISOString(),
});

const messageJSON = ({ id, role, content, createdAt, finishReason }: Message): Record<string, string> => ({
  id,
  role,
  content,
  createdAt: createdAt.toISOString(),
  ...(finishReason === null ? {} : { finishReason }),
});

const tokensOf = ({ answer: { inputTokens, outputTokens } }: Exchanged): number | undefined =>
  inputTokens === null || outputTokens === null ? undefined : inputTokens + outputTokens;

function exchangeJSON({ conversation, answer, createdAt }: Exchanged): Record<string, unknown> {
  const { id, content, finishReason, inputTokens, outputTokens } = answer;
  const usage =
    inputTokens === null || outputTokens === null ? null : { inputTokens, outputTokens, totalTokens: inputTokens + outputTokens };
  return { conversationId: conversation, message: messageJSON({ id, role: 'assistant', content, createdAt, finishReason }), usage };
}
