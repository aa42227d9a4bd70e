/**
 * When each API key was last used.
 *
 * A request costs one entry in a map: what was used is written together, once a minute. So what others see is up to a minute old, and a replica
 * that dies takes up to a minute of uses with it. What cannot be written waits for the next minute.
 */
import type { Logger } from '@cloister/telemetry';
import type { UseStore } from './use-store.ts';

/** Milliseconds. */
const writeEvery = 60_000;

export interface KeyUses {
  note(uid: string, keyId: string): void;
  /** Milliseconds since 1970 by the id of each key of a tenant that was used. Rejects while that cannot be known. */
  of(uid: string): Promise<ReadonlyMap<string, number>>;
  /** Writes what is not written yet, for the last time. */
  close(): Promise<void>;
}

export function keyUses(store: UseStore, log: Logger, clock: () => number = Date.now): KeyUses {
  let unwritten = new Map<string, Map<string, number>>();
  const note = (uid: string, keyId: string, time: number) => {
    const ofTenant = unwritten.get(uid) ?? new Map<string, number>();
    unwritten.set(uid, ofTenant);
    ofTenant.set(keyId, Math.max(time, ofTenant.get(keyId) ?? 0));
  };
  const write = async () => {
    const batch = unwritten;
    unwritten = new Map();
    try {
      if (batch.size > 0) await store.write(batch);
    } catch (error) {
      log.warn({ reason: error instanceof Error ? error.message : 'unknown' }, 'the last use of API keys cannot be written yet');
      for (const [uid, uses] of batch) for (const [keyId, time] of uses) note(uid, keyId, time);
    }
  };
  const writing = setInterval(() => void write(), writeEvery).unref();
  return {
    note: (uid, keyId) => note(uid, keyId, clock()),
    of: async (uid) => {
      const uses = new Map(await store.read(uid));
      for (const [keyId, time] of unwritten.get(uid) ?? []) uses.set(keyId, Math.max(time, uses.get(keyId) ?? 0));
      return uses;
    },
    close: () => {
      clearInterval(writing);
      return write();
    },
  };
}
