import type { Announcement } from './start.ts';

/** Tells the benchmark that the server is ready. It serves until it is told to end. */
export const announce = (said: Announcement): void => {
  process.stdout.write(`${JSON.stringify(said)}\n`);
};

/** The port of the stub, given as the first argument of the servers that stand before it. */
export function upstreamArgument(): string {
  const url = process.argv[2];
  if (url === undefined) throw new Error('the first argument must be the URL of the stub');
  return url;
}
