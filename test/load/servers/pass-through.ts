/** The least that an express server can do with a call: hand it on through undici. What the gateway adds is measured against this. */
import express from 'express';
import { createServer } from 'node:http';
import { Agent, request } from 'undici';
import { announce, listen } from './announce.ts';
import { readSetup } from './setup.ts';

const { upstream } = readSetup();
const dispatcher = new Agent({ keepAliveTimeout: 4_000 });
const app = express().disable('x-powered-by');
app.post('/v1/chat/completions', async (incoming, response) => {
  const answer = await request(`${upstream}/v1/chat/completions`, {
    dispatcher,
    method: 'POST',
    headers: { 'content-type': 'application/json', 'content-length': incoming.headers['content-length'] ?? '' },
    body: incoming,
  });
  response.status(answer.statusCode).set('content-type', String(answer.headers['content-type']));
  answer.body.pipe(response);
});
announce({ url: `http://127.0.0.1:${await listen(createServer(app))}` });
