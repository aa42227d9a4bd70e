import type { CacheStore } from './cache-store.ts';

interface Kept {
  readonly value: Buffer;
  readonly until: number;
}

/** In this process alone. */
export function localCacheStore(clock: () => number = Date.now): CacheStore {
  const tenants = new Map<string, Map<string, Kept>>();
  return {
    get: (tenantUid, address) => {
      const found = tenants.get(tenantUid)?.get(address);
      return Promise.resolve(found && clock() < found.until ? found.value : undefined);
    },
    put: (tenantUid, address, value, { seconds, bytes }) => {
      const kept = tenants.get(tenantUid) ?? new Map<string, Kept>();
      tenants.set(tenantUid, kept);
      kept.delete(address);
      if (value.length > bytes) return Promise.resolve();
      kept.set(address, { value, until: clock() + seconds * 1000 });
      let sum = [...kept.values()].reduce((all, one) => all + one.value.length, 0);
      for (const [old, one] of kept) {
        if (sum <= bytes) break;
        kept.delete(old);
        sum -= one.value.length;
      }
      return Promise.resolve();
    },
  };
}
