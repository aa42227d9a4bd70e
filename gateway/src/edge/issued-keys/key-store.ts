import type { IssuedKey } from '@cloister/tenancy';

/** Keeps issued keys for good. All replicas of edge hear within a second of what it holds. */
export interface KeyStore {
  /** Resolves when the key is kept, whatever may crash from then on. */
  add(key: IssuedKey): Promise<void>;
  /** False where there is no such key. */
  remove(tenant: string, id: string): Promise<boolean>;
}
