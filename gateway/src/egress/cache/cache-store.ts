/** Keeps sealed answers, for all replicas of egress together. */
export interface CacheStore {
  /** Undefined where nothing is kept there. */
  get(tenantUid: string, address: string): Promise<Buffer | undefined>;
  put(tenantUid: string, address: string, value: Buffer, bounds: CacheBounds): Promise<void>;
}

export interface CacheBounds {
  /** For which the value is kept at most. */
  readonly seconds: number;
  /** Of all that is kept of the tenant. What would be too much makes the oldest go; a value that is larger by itself is not kept. */
  readonly bytes: number;
}
