import type { Mode, Target } from '../gateway/target.ts';

/** Milliseconds until the first byte of the body, and until its last. */
export interface Timing {
  readonly first: number;
  readonly total: number;
}

/** One request. Rejects when the answer is not what it should be: a benchmark of errors is worth nothing. */
export async function ask({ pool, path, headers, body, name }: Target, mode: Mode): Promise<Timing> {
  const started = performance.now();
  let first = 0;
  let size = 0;
  const answer = await pool.request({ path, method: 'POST', headers: headers(), body: body(mode) });
  for await (const piece of answer.body) {
    if (first === 0) first = performance.now() - started;
    size += Buffer.isBuffer(piece) ? piece.length : 0;
  }
  if (answer.statusCode !== 200 || size === 0) throw new Error(`${name} answered ${answer.statusCode} with ${size} bytes`);
  return { first, total: performance.now() - started };
}
