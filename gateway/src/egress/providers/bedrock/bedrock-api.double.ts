/** Answers as Amazon Bedrock's endpoints for OpenAI's clients word them, for a double of its wire format. No model is behind it. */
import type { Answer } from '../provider.double.ts';

/** Open models think aloud, in the answer itself; the tokens of it are output. */
export const reasoned =
  (reasoning: string, content: string): Answer =>
  (response) => {
    const message = { role: 'assistant', content: `<reasoning>${reasoning}</reasoning>${content}`, refusal: null };
    const usage = { prompt_tokens: 100, completion_tokens: 50, total_tokens: 150 };
    const head = { id: 'chatcmpl-b1', object: 'chat.completion', created: 1, model: 'openai.gpt-oss-20b-1:0', service_tier: 'default' };
    const body = { choices: [{ finish_reason: 'stop', index: 0, logprobs: null, message }], ...head, usage };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };

/** The kind in a header, the message alone in the body. */
export const refusal =
  (status: number, kind: string, message: string): Answer =>
  (response) => {
    response
      .writeHead(status, { 'content-type': 'application/json', 'x-amzn-errortype': `${kind}:http://internal.amazon.com/coral/` })
      .end(JSON.stringify({ message }));
  };

/** What stands before the service has no kind, and another capital letter. */
export const keyRefused: Answer = (response) => {
  const body = { Message: 'Authentication failed: Please make sure your API Key is valid.' };
  response.writeHead(403, { 'content-type': 'application/json' }).end(JSON.stringify(body));
};
