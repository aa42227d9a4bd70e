/** A tool in an agent's own container: it asks egress for connections with the token of its pod, or another, and tells what became of each. */
import { agentFiles, namespaces } from '@cloister/tenancy';
import { z } from 'zod';
import { agentName, type LiveTenant } from '../e2e/support/tenants.ts';
import type { World } from '../e2e/support/world.ts';

export interface Errand {
  /** A domain and a port. */
  readonly to: string;
  /** Said once connected; then all is heard until the connection is closed. Without it the tool hangs up at once. */
  readonly say?: string;
}

/** The code of a refusal, `connected`, or what was heard. */
const outcome = z.union([z.string(), z.object({ bytes: z.int(), text: z.string() })]);
export type Outcome = z.infer<typeof outcome>;

const script = `
const http = require('node:http');
const [errands, file, other] = process.argv.slice(1);
const token = other || require('node:fs').readFileSync(file, 'utf8');
const proxy = new URL(process.env.HTTPS_PROXY || 'http://egress.${namespaces.system}.svc:80');
const heard = (socket, head) => new Promise((resolve) => {
  let [bytes, text] = [0, ''];
  const hear = (piece) => {
    bytes += piece.length;
    if (text.length < 1000) text += piece.subarray(0, 1000);
  };
  hear(head);
  socket.on('data', hear).once('error', () => undefined).once('close', () => resolve({ bytes, text }));
});
const run = ({ to, say }) => new Promise((resolve) => {
  const headers = { 'proxy-authorization': 'Bearer ' + token };
  const request = http.request({ host: proxy.hostname, port: proxy.port || 80, method: 'CONNECT', path: to, headers, agent: false });
  request.once('error', (error) => resolve(error.code));
  request.once('connect', ({ statusCode }, socket, head) => {
    if (statusCode !== 200) return heard(socket, head).then(({ text }) => resolve(JSON.parse(text).error.code));
    if (say === undefined) {
      socket.destroy();
      return resolve('connected');
    }
    socket.write(say);
    resolve(heard(socket, head));
  });
  request.end();
});
Promise.all(JSON.parse(errands).map(run)).then((outcomes) => console.log(JSON.stringify(outcomes)));`;

/** All at once, for as long as it takes. */
export async function sendTool(
  { kubectl }: World,
  { namespace }: LiveTenant,
  errands: readonly Errand[],
  token = '',
): Promise<readonly Outcome[]> {
  const command = ['node', '-e', script, JSON.stringify(errands), agentFiles.egressToken, token];
  const told = await kubectl.run(['exec', '-n', namespace, `deployment/${agentName}`, '--', ...command]);
  return z.array(outcome).parse(JSON.parse(told));
}
