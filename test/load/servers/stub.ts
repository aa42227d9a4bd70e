/** A model provider that answers at once, or after a time: JSON of 583 bytes, or a stream of 20 chunks in one go. Over TLS, too, where it is given a certificate. */
import { createServer, type RequestListener } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { announce, listen } from './announce.ts';
import { readSetup } from './setup.ts';

const { keys, answerAfter } = readSetup();
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

const answer: RequestListener = (request, response) => {
  let body = '';
  request.setEncoding('utf8').on('data', (piece: string) => (body += piece));
  const say = () => {
    if (!body.includes('"stream":true')) {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(whole) }).end(whole);
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const event of events) response.write(event);
    response.end();
  };
  request.on('end', () => (answerAfter > 0 ? setTimeout(say, answerAfter) : say()));
};

const url = `http://127.0.0.1:${await listen(createServer(answer))}`;
const serving = keys?.serving;
const secure =
  serving === undefined ? undefined : await listen(createSecureServer({ cert: serving, key: serving, minVersion: 'TLSv1.3' }, answer));
announce({ url, ...(secure !== undefined && { secureURL: `https://localhost:${secure}` }) });
