/** Answers as Gemini's layer for OpenAI's clients words them, for a double of its wire format. No model is behind it. */
import { chunk, type Answer } from '../provider.double.ts';

interface Counts {
  readonly input: number;
  readonly output: number;
  /** Hidden, and in the total alone. */
  readonly thinking: number;
}

/** What is nought is left out. */
const usageOf = ({ input, output, thinking }: Counts) => ({
  ...(output === 0 ? {} : { completion_tokens: output }),
  prompt_tokens: input,
  total_tokens: input + output + thinking,
});

export const answered =
  (content: string, counts: Counts, finish_reason = 'stop'): Answer =>
  (response) => {
    const message = content === '' ? { role: 'assistant' } : { role: 'assistant', content };
    const head = { id: 'g1', object: 'chat.completion', created: 1, model: 'gemini-real' };
    const body = { choices: [{ finish_reason, index: 0, message }], ...head, usage: usageOf(counts) };
    response.writeHead(200, { 'content-type': 'application/json; charset=UTF-8' }).end(JSON.stringify(body));
  };

/** Each piece tells what was used so far, and the last one why it ended. */
export const counted = (content: string, counts: Counts, finish_reason?: string): string =>
  chunk({
    choices: [{ delta: { content, role: 'assistant' }, index: 0, ...(finish_reason ? { finish_reason } : {}) }],
    usage: usageOf(counts),
  });

/** Errors come in a list of one. */
export const refusal =
  (code: number, status: string, message: string, details: readonly object[] = []): Answer =>
  (response) => {
    response
      .writeHead(code, { 'content-type': 'application/json; charset=UTF-8' })
      .end(JSON.stringify([{ error: { code, message, status, ...(details.length > 0 ? { details } : {}) } }]));
  };

export const keyRefused = refusal(400, 'INVALID_ARGUMENT', 'API key not valid. Please pass a valid API key.', [
  { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'API_KEY_INVALID', domain: 'googleapis.com' },
]);

export const limited = (retryDelay: string): Answer =>
  refusal(429, 'RESOURCE_EXHAUSTED', 'You exceeded your current quota.', [
    { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay },
  ]);

export const vectors: Answer = (response) => {
  const data = [{ object: 'embedding', index: 0, embedding: [0.5] }];
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ object: 'list', data, model: 'gemini-embedding' }));
};
