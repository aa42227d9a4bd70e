import type { UseStore } from './use-store.ts';

/** In this process alone. */
export function localUseStore(): UseStore {
  const kept = new Map<string, Map<string, number>>();
  return {
    write: (uses) => {
      for (const [uid, times] of uses) {
        const known = kept.get(uid) ?? new Map<string, number>();
        kept.set(uid, known);
        for (const [keyId, time] of times) known.set(keyId, Math.max(time, known.get(keyId) ?? 0));
      }
      return Promise.resolve();
    },
    read: (uid) => Promise.resolve(kept.get(uid) ?? new Map()),
  };
}
