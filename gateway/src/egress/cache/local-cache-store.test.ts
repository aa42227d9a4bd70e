import { describe, expect, test } from 'vitest';
import { describeCacheStore } from './cache-store.specification.ts';
import { localCacheStore } from './local-cache-store.ts';

describe('answers in one process', () => {
  const store = localCacheStore();
  describeCacheStore(() => [store, store]);

  test('are gone when their time is up', async () => {
    let now = 0;
    const timed = localCacheStore(() => now);
    await timed.put('u', 'a', Buffer.from('x'), { seconds: 2, bytes: 1000 });
    now = 1999;
    expect(await timed.get('u', 'a')).toBeDefined();
    now = 2000;
    expect(await timed.get('u', 'a')).toBeUndefined();
  });
});
