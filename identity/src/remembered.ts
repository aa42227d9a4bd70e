import { hash } from 'node:crypto';

export interface Proven<T> {
  readonly value: T;
  /** Milliseconds since 1970. */
  readonly until: number;
}

const mostRemembered = 20_000;

/**
 * Asks `prove` about each token once, and then remembers what it proved until that is over. By digest, so that a dump of memory holds no more
 * tokens than it must. What is not proven (undefined, or a rejection) is asked about anew each time.
 */
export function remembered<T>(
  prove: (token: string) => Promise<Proven<T> | undefined>,
  clock: () => number = () => Date.now(),
): (token: string) => Promise<T | undefined> {
  const known = new Map<string, Proven<T>>();
  return async (token) => {
    const digest = hash('sha256', token, 'base64');
    const before = known.get(digest);
    if (before && before.until > clock()) return before.value;
    known.delete(digest);
    const proven = await prove(token);
    if (!proven) return undefined;
    if (known.size >= mostRemembered) known.clear();
    known.set(digest, proven);
    return proven.value;
  };
}
