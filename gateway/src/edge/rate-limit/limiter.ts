/** What is counted of a request, and how it stands. */

/**
 * `requests` and `tokens` are counted within a rolling minute, `concurrent` are requests in progress. A request takes one request and one
 * place at its beginning, or nothing at all where one of its limits is used up; its tokens are charged at its end, when they are known.
 */
export type Counted = 'requests' | 'tokens' | 'concurrent';

export interface Limit {
  readonly counted: Counted;
  readonly most: number;
  /** Where it is counted: the same key is the same count. Begins with its tenant, in braces. */
  readonly key: string;
}

/** One request, and what it counts against. The same object takes and ends. */
export interface Claim {
  /** Of one tenant. */
  readonly limits: readonly Limit[];
}

export interface Standing {
  /** Before this request. What other replicas have in hand counts as used; what they used within the last second may be missing. */
  readonly used: number;
  /** Seconds until the whole limit is free again, if nothing more is asked. 0 for requests in progress, of which nobody knows. */
  readonly resetSeconds: number;
  /** Seconds until there surely is room, if nobody else asks. 0 when there is now. */
  readonly retrySeconds: number;
}

export interface RateLimiter {
  /**
   * How each of the claim's limits stands, in their order. The request is admitted, and counted against all of them, when each has room; else
   * against none, so that waiting always helps.
   */
  take(claim: Claim): Promise<readonly Standing[]>;
  /** Gives back the place of an admitted request and charges its tokens, in the background. Once for each claim. */
  end(claim: Claim, tokens: number): void;
  /** Gives back what was counted ahead. Never rejects. */
  close(): Promise<void>;
}

/** How long the places of a replica that died stay taken. */
export const holdSeconds = 30;

export const isAdmitted = (standings: readonly Standing[]): boolean => standings.every(({ retrySeconds }) => retrySeconds === 0);

/** Whether anything is left to do when a request of these limits ends. */
export const hasEnd = ({ limits }: Claim): boolean => limits.some(({ counted }) => counted !== 'requests');
