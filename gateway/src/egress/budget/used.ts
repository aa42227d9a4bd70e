/** What a call used, in tokens. */
export interface Used {
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/**
 * What a provider says of its use. Of its input and output it may tell apart what it had in its cache and what it thought; both are part of the
 * sums, and undefined where it does not tell.
 */
export interface Reported extends Used {
  readonly cachedTokens?: number | undefined;
  readonly reasoningTokens?: number | undefined;
}

/** As far as it can be: no sum is more than these, and no part is more than its whole. */
export function within(said: Reported, most: Used): Reported {
  const inputTokens = Math.min(said.inputTokens, most.inputTokens);
  const outputTokens = Math.min(said.outputTokens, most.outputTokens);
  return {
    ...{ inputTokens, outputTokens },
    cachedTokens: partOf(inputTokens, said.cachedTokens),
    reasoningTokens: partOf(outputTokens, said.reasoningTokens),
  };
}

const partOf = (whole: number, part: number | undefined): number | undefined => (part === undefined ? undefined : Math.min(part, whole));
