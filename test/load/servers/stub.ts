/** A model provider that answers at once: JSON of 583 bytes, or a stream of 20 chunks in one go. */
import { createServer } from 'node:http';
import { announce } from './announce.ts';

const usage = { prompt_tokens: 12, completion_tokens: 40, total_tokens: 52 };
const common = { id: 'chatcmpl-stub', created: 1, model: 'stub' };
const content = 'You can cancel an order from your account until it has been packed. '.repeat(4);
const whole = JSON.stringify({
  ...common,
  object: 'chat.completion',
  choices: [{ index: 0, message: { role: 'assistant', content }, logprobs: null, finish_reason: 'stop' }],
  usage,
}).padEnd(583);

const chunk = (fields: object) => `data: ${JSON.stringify({ ...common, object: 'chat.completion.chunk', ...fields })}\n\n`;
const pieces = Array.from({ length: 20 }, (_, at) =>
  chunk({ choices: [{ index: 0, delta: { content: `word${at} ` }, finish_reason: null }] }),
);
const last = chunk({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] });
const events = [...pieces, last, chunk({ choices: [], usage }), 'data: [DONE]\n\n'];

const server = createServer((request, response) => {
  let body = '';
  request.setEncoding('utf8').on('data', (piece: string) => (body += piece));
  request.on('end', () => {
    if (!body.includes('"stream":true')) {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(whole) }).end(whole);
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const event of events) response.write(event);
    response.end();
  });
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (typeof address === 'object' && address) announce({ url: `http://127.0.0.1:${address.port}` });
});
