/** Anthropic's Messages API. What goes out and what comes back is put into other words; how it travels is as with all the others. */
import { answerTo, poolOf, postTo, type OpenAIOptions } from '../openai/openai.ts';
import { BrokenAnswer, refused, type Provider } from '../provider.ts';
import { completionOf } from './answer.ts';
import { chunksOf } from './chunks.ts';
import { messagesRequest } from './request.ts';

/** The version of the API, which is a date and not the newest one. */
const version = '2023-06-01';

export function anthropic(options: OpenAIOptions = {}): Provider & { close(): Promise<void> } {
  const pool = poolOf(options);
  return {
    chat: async (call) => {
      const headers = { 'anthropic-version': version, ...(call.credential === undefined ? {} : { 'x-api-key': call.credential }) };
      const request = postTo('/messages', { ...call, body: messagesRequest(call.body) }, headers);
      const given = await answerTo(pool, request, call);
      if (given.kind === 'stream') return { kind: 'stream', events: chunksOf(given.events) };
      const text = completionOf(given.text);
      if (text === undefined) throw new BrokenAnswer('its answer is no message');
      return { kind: 'whole', text };
    },
    embed: () => Promise.reject(refused({ problem: 'it has no embeddings' })),
    close: () => pool.destroy(),
  };
}
