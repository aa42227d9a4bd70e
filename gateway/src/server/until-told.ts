/** Resolves at the first SIGTERM or SIGINT. A second SIGINT ends the process at once, for people at a terminal. */
export function untilTold(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', (signal) => {
      process.once('SIGINT', () => process.exit(130));
      resolve(signal);
    });
  });
}
