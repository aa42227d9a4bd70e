/** Callers that do not wait when they are told to. */
import { Pool } from 'undici';
import { expect } from 'vitest';
import { metricsOf } from './metrics.ts';
import { agentName, type LiveTenant } from './tenants.ts';
import type { World } from './world.ts';

export interface Answered {
  /** How many answers had this status. */
  200: number;
  429: number;
}

/** Asks the tenant's agent over so many connections until `enough`. Every answer is a whole one, or a whole refusal by a limit; else it throws. */
export async function press(
  { url, host }: LiveTenant,
  key: string,
  enough: (so: Answered) => boolean,
  connections = 32,
): Promise<Answered> {
  const pool = new Pool(`http://127.0.0.1:${new URL(url).port}`, { connections });
  const headers = { host, authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const body = JSON.stringify({ model: agentName, messages: [{ role: 'user', content: 'say 2 words' }] });
  const answers = { 200: 0, 429: 0 };
  const worker = async () => {
    while (!enough(answers)) {
      const answer = await pool.request({ path: '/v1/chat/completions', method: 'POST', headers, body });
      const text = await answer.body.text();
      const refused = [/"code":"(\w+)"/.exec(text)?.[1], Number(answer.headers['retry-after']) > 0];
      if (answer.statusCode === 200) expect(text).toContain('"finish_reason":"stop"');
      else expect([answer.statusCode, ...refused]).toEqual([429, 'rate_limit_exceeded', true]);
      answers[answer.statusCode === 200 ? 200 : 429]++;
    }
  };
  await Promise.all(Array.from({ length: connections }, worker)).finally(() => pool.close());
  return answers;
}

/**
 * How often replicas of edge have counted by themselves, since Redis did not answer in time, as on a machine that is busy. Then up to as many
 * times what a limit allows are admitted as there are replicas, and one more.
 */
export async function countsWithoutRedis(world: World): Promise<number> {
  const counts = (await metricsOf(world, 'edge')).map((text) =>
    Number(/^cloister_edge_rate_limit_fallbacks_total (\d+)$/m.exec(text)?.[1]),
  );
  if (counts.some(Number.isNaN)) throw new Error('a replica of edge does not tell how often it counted by itself');
  return counts.reduce((sum, count) => sum + count, 0);
}
