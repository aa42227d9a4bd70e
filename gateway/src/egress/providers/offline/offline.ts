/** Provider `Offline`: a deterministic model inside egress, for first steps and tests without a key. */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ProviderFailure, type JsonObject, type Provider, type ProviderCall, type StreamEvent } from '../provider.ts';
import { readConversation, type Conversation } from './conversation.ts';
import { embedOffline, mostDimensions } from './embed.ts';
import { decide, sizeOf, type Reply } from './reply.ts';

export const offline: Provider = {
  embed: (call) => {
    const answer = embedOffline(call.body);
    return answer
      ? Promise.resolve({ kind: 'whole', text: JSON.stringify(answer) })
      : Promise.reject(
          new ProviderFailure(400, { problem: `dimensions must be a whole number from 1 to ${mostDimensions}`, param: 'dimensions' }),
        );
  },
  chat: (call) => {
    const conversation = readConversation(call.body);
    if (!conversation)
      return Promise.reject(new ProviderFailure(400, { problem: 'messages must be a list of {role, content}', param: 'messages' }));
    const decision = decide(conversation);
    if ('status' in decision) return Promise.reject(new ProviderFailure(decision.status, { problem: 'as asked' }));
    return Promise.resolve(
      call.stream
        ? { kind: 'stream', events: stream(call, conversation, decision) }
        : { kind: 'whole', text: JSON.stringify(whole(call, conversation, decision)) },
    );
  },
};

const usageOf = ({ words, choices }: Conversation, reply: Reply) => {
  const [prompt_tokens, completion_tokens] = [words, sizeOf(reply) * choices];
  return { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens };
};

/** The same request gets the same id, since all else is the same too. */
const head = ({ body }: ProviderCall, object: string) => ({
  id: `chatcmpl-offline-${createHash('sha256').update(JSON.stringify(body)).digest('hex').slice(0, 24)}`,
  object,
  created: 0,
  model: body['model'],
});

const toolCalls = ({ toolCall }: Reply) =>
  toolCall ? [{ id: 'call_offline', type: 'function', function: { name: toolCall.name, arguments: toolCall.arguments } }] : undefined;

function whole(call: ProviderCall, conversation: Conversation, reply: Reply): JsonObject {
  const tool_calls = toolCalls(reply);
  const message = { role: 'assistant', content: tool_calls ? null : reply.words.join(' '), ...(tool_calls ? { tool_calls } : {}) };
  const choices = Array.from({ length: conversation.choices }, (_, index) => ({
    index,
    message,
    logprobs: null,
    finish_reason: reply.finish,
  }));
  return { ...head(call, 'chat.completion'), choices, usage: usageOf(conversation, reply) };
}

/** One event a word, each choice after the other; then usage, where asked for; then the end mark. */
async function* stream(call: ProviderCall, conversation: Conversation, reply: Reply): AsyncGenerator<readonly StreamEvent[]> {
  const common = head(call, 'chat.completion.chunk');
  const event = (fields: JsonObject): StreamEvent => ({ data: JSON.stringify({ ...common, ...fields }) });
  for (let index = 0; index < conversation.choices; index++) {
    for (const delta of deltas(reply)) {
      call.signal.throwIfAborted();
      yield [event({ choices: [{ index, delta, finish_reason: null }] })];
      if (reply.pause > 0) await sleep(reply.pause, undefined, { signal: call.signal });
    }
    yield [event({ choices: [{ index, delta: {}, finish_reason: reply.finish }] })];
  }
  yield [event({ choices: [], usage: usageOf(conversation, reply) }), { data: '[DONE]' }];
}

function* deltas(reply: Reply): Generator<JsonObject> {
  yield { role: 'assistant', content: '' };
  const calls = toolCalls(reply);
  if (calls) yield { tool_calls: calls.map((call, index) => ({ index, ...call })) };
  for (const [position, word] of reply.words.entries()) yield { content: position === 0 ? word : ` ${word}` };
}
