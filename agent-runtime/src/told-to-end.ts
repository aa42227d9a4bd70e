/**
 * Resolves with the first signal to end. Imported before everything else: as the first process of its container this one hears of no signal
 * that it does not listen to, and the other modules take most of the time of a start. A second signal of the kind ends it at once.
 */
export const toldToEnd: Promise<NodeJS.Signals> = new Promise((resolve) => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, resolve);
});
