/** The least that Node can do with a call by itself: `node:http` on both sides, with connections that are kept. */
import { Agent, createServer, request } from 'node:http';
import { announce, listen } from './announce.ts';
import { readSetup } from './setup.ts';

const { hostname, port } = new URL(readSetup().upstream);
const agent = new Agent({ keepAlive: true });
const server = createServer((incoming, response) => {
  const headers = { 'content-type': 'application/json', 'content-length': incoming.headers['content-length'] };
  const outgoing = request({ agent, hostname, port, path: '/v1/chat/completions', method: 'POST', headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, { 'content-type': answer.headers['content-type'] });
    answer.pipe(response);
  });
  outgoing.on('error', () => response.destroy());
  incoming.pipe(outgoing);
});
announce({ url: `http://127.0.0.1:${await listen(server)}` });
