/** A worker that sends requests at a pace, whatever comes back, until it is told to stop; then tells how many were answered, by status. */
import { parentPort, workerData } from 'node:worker_threads';
import { Pool } from 'undici';
import { z } from 'zod';

const { origin, path, body, keys, perSecond } = z
  .object({ origin: z.string(), path: z.string(), body: z.string(), keys: z.array(z.string()), perSecond: z.number() })
  .parse(workerData);
const pool = new Pool(origin, { connections: 64 });
const answered: Record<number, number> = {};
const started = performance.now();
let sent = 0;

const send = async () => {
  const key = keys[sent++ % keys.length] ?? '';
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const { statusCode, body: answer } = await pool.request({ path, method: 'POST', headers, body });
  await answer.dump();
  answered[statusCode] = (answered[statusCode] ?? 0) + 1;
};
const pacing = setInterval(() => {
  const due = ((performance.now() - started) / 1000) * perSecond;
  while (sent < due) send().catch(() => (answered[0] = (answered[0] ?? 0) + 1));
}, 5);
parentPort?.once('message', () => {
  clearInterval(pacing);
  parentPort?.postMessage({ answered, seconds: (performance.now() - started) / 1000 });
  void pool.destroy();
});
