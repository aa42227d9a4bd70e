/**
 * Reads for each who asks; for all together who ask while a read is under way, whose own begins when that one has ended. So everybody gets what
 * was true after they asked, and a thousand who ask at once cost two reads.
 */
export function readTogether<T>(read: () => Promise<T>): () => Promise<T> {
  let underWay: Promise<void> | undefined;
  let next: Promise<T> | undefined;
  const begin = (): Promise<T> => {
    const reading = read();
    underWay = reading.then(ended, ended);
    return reading;
  };
  const ended = (): void => {
    underWay = undefined;
  };
  return () => {
    if (next) return next;
    if (!underWay) return begin();
    next = underWay.then(() => {
      next = undefined;
      return begin();
    });
    return next;
  };
}
