/** By the UID of the tenant, milliseconds since 1970 by the id of a key. */
export type Uses = ReadonlyMap<string, ReadonlyMap<string, number>>;

/** Keeps the latest use of each key, for all replicas together. */
export interface UseStore {
  write(uses: Uses): Promise<void>;
  read(uid: string): Promise<ReadonlyMap<string, number>>;
}
