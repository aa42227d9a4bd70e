/** What a call used, in tokens. */
export interface Used {
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/**
 * What a provider says of its use. Of its input it may tell apart what it had in its cache and what it wrote there, of its output what it thought;
 * they are part of the sums, and undefined where it does not tell.
 */
export interface Reported extends Used {
  readonly cachedTokens?: number | undefined;
  readonly cacheWriteTokens?: number | undefined;
  readonly reasoningTokens?: number | undefined;
  /** It never came to say what it did with its input, so any of the prices of input may be due. */
  readonly inputUntold?: boolean | undefined;
}

/** As far as it can be: no sum is more than these, and no parts are more than their whole, where what may be dearer goes first. */
export function within(said: Reported, most: Used): Reported {
  const inputTokens = Math.min(said.inputTokens, most.inputTokens);
  const outputTokens = Math.min(said.outputTokens, most.outputTokens);
  const cacheWriteTokens = partOf(inputTokens, said.cacheWriteTokens);
  return {
    ...{ inputTokens, outputTokens },
    cachedTokens: partOf(inputTokens - (cacheWriteTokens ?? 0), said.cachedTokens),
    cacheWriteTokens,
    reasoningTokens: partOf(outputTokens, said.reasoningTokens),
    inputUntold: said.inputUntold,
  };
}

const partOf = (whole: number, part: number | undefined): number | undefined => (part === undefined ? undefined : Math.min(part, whole));
