/** Seconds for which a signed token is used again: of the shortest, a third of its life, so that an agent always gets one with 40 s left. */
const reuseSeconds = 20;
const mostKept = 10_000;

export interface Signing<T> {
  readonly sign: (what: T) => Promise<string>;
  /** All that stands in the token, as one text. */
  readonly textOf: (what: T) => string;
}

/** Signing costs more than all other work of edge together, so what was signed a moment ago for the same is given again. */
export function reused<T>({ sign, textOf }: Signing<T>, clock: () => number = Date.now): (what: T) => Promise<string> {
  const kept = new Map<string, { readonly token: Promise<string>; readonly until: number }>();
  return (what) => {
    const key = textOf(what);
    const now = clock();
    const known = kept.get(key);
    if (known && known.until > now) return known.token;
    const token = sign(what);
    if (kept.size >= mostKept) kept.clear();
    kept.set(key, { token, until: now + reuseSeconds * 1000 });
    return token;
  };
}
