import { readFile } from 'node:fs/promises';

/** The kubelet replaces the token long before it expires (at 80 % of its life), so seconds of age do no harm. */
const freshForMs = 10_000;

export type ReadToken = () => Promise<string>;

/** Reads the pod's projected token, again whenever the last reading has aged. */
export function egressToken(path: string, now: () => number = Date.now): ReadToken {
  let token = '';
  let readAt = -Infinity;
  return async () => {
    if (now() - readAt < freshForMs) return token;
    token = (await readFile(path, 'utf8')).trim();
    readAt = now();
    return token;
  };
}
