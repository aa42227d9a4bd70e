/** `POST /v1/chat/completions`: the caller keeps the conversation, the agent adds its instructions and rules. Touches no stored memory. */
import { ApiError } from '@cloister/api-errors';
import { cacheHeader, tokensHeader } from '@cloister/tenancy';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { checkUserMessages, completionBody, completionRequest } from '../../agent/completion-request.ts';
import { inForce } from '../../agent/in-force.ts';
import { ClientGone, fail } from '../../errors.ts';
import { budgetNotesOf } from '../../model/budget-notes.ts';
import type { ModelAnswer } from '../../model/egress.ts';
import { chunksOf, readAll } from '../../model/bytes.ts';
import { tokensIn, UsageTap } from '../../model/usage-tap.ts';
import { askModel, type AgentParts } from '../agent-parts.ts';
import { answerSignal } from '../answer-signal.ts';
import { dataEvent, endEventStream, send, startEventStream } from '../event-stream.ts';
import { parseInput } from '../parse.ts';

/** Answers what `asked`, the body, asks for. */
export type Complete = (request: IncomingMessage, response: ServerResponse, asked: unknown) => Promise<void>;

export function chatCompletions(parts: AgentParts): Complete {
  const { document, currentSettings, now } = parts;
  return async (request, response, asked) => {
    const body = parseInput(completionBody, asked);
    checkUserMessages(body, document.limits.maxMessageBytes);
    const signal = answerSignal(response, document.limits.requestTimeoutSeconds);
    const rules = inForce(document, await currentSettings.read());
    const { answer } = await askModel(parts, request, {
      model: body.model ?? undefined,
      modelInForce: rules.model,
      body: completionRequest(body, document, rules, now()),
      signal,
    });
    for (const [name, value] of Object.entries(budgetNotesOf(answer))) response.setHeader(name, value);
    const tap = new UsageTap({ keep: body.stream_options?.include_usage === true });
    await (body.stream === true ? passStream(answer, tap, response, signal) : passWhole(answer, response, signal));
  };
}

/** Waits for the whole answer, so that one that breaks off becomes an error instead of half a document. */
async function passWhole({ status, headers, body }: ModelAnswer, response: ServerResponse, signal: AbortSignal): Promise<void> {
  const bytes = await readAll(body).catch((cause: unknown) => {
    signal.throwIfAborted();
    throw fail('model_interrupted', { cause });
  });
  const used = tokensIn(bytes.toString('utf8'));
  response.writeHead(status, {
    'content-type': headers['content-type'] ?? 'application/json',
    'content-length': bytes.byteLength,
    ...(used && { [tokensHeader]: String(used.tokens) }),
    ...cacheIn(headers),
  });
  response.end(bytes);
}

/** Whether egress gave the answer again. */
const cacheIn = ({ [cacheHeader]: cache }: ModelAnswer['headers']) => (cache === undefined ? {} : { [cacheHeader]: cache });

/** Passes the bytes as they come. A stream that breaks ends with an error event, on which OpenAI clients throw. */
async function passStream({ headers, body }: ModelAnswer, tap: UsageTap, response: ServerResponse, signal: AbortSignal): Promise<void> {
  startEventStream(response, { ...cacheIn(headers), 'content-type': headers['content-type'] });
  try {
    for await (const chunk of chunksOf(body)) {
      const events = tap.take(chunk);
      if (events.length > 0) await send(response, events, signal);
    }
    response.write(tap.rest);
  } catch (cause) {
    if (signal.reason instanceof ClientGone) throw signal.reason;
    const error = signal.reason instanceof ApiError ? signal.reason : fail('model_interrupted', { cause });
    response.write(dataEvent(error.body));
  }
  endEventStream(response, tap.tokens);
}
