/** What every store of answers keeps to, wherever that is. `replicas` are several of the same store. */
import { randomBytes, randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import type { CacheStore } from './cache-store.ts';

const bounds = { seconds: 60, bytes: 100_000 };

export function describeCacheStore(replicas: () => readonly [CacheStore, CacheStore]): void {
  test('what one replica keeps, another finds, byte for byte', async () => {
    const [uid, value] = [randomUUID(), randomBytes(1000)];
    const [one, other] = replicas();
    expect(await other.get(uid, 'a')).toBeUndefined();
    await one.put(uid, 'a', value, bounds);
    expect(await other.get(uid, 'a')).toEqual(value);
  });

  test('at one address, each tenant finds what is its own', async () => {
    const [mine, yours] = [randomUUID(), randomUUID()];
    const [store] = replicas();
    await store.put(mine, 'a', Buffer.from('mine'), bounds);
    expect(await store.get(yours, 'a')).toBeUndefined();
    await store.put(yours, 'a', Buffer.from('yours'), bounds);
    expect([await store.get(mine, 'a'), await store.get(yours, 'a')]).toEqual([Buffer.from('mine'), Buffer.from('yours')]);
  });

  test('of a tenant no more is kept than it may have: the oldest goes, of no other tenant', async () => {
    const [uid, other] = [randomUUID(), randomUUID()];
    const [store] = replicas();
    await store.put(other, 'a', randomBytes(20_000), bounds);
    for (let turn = 0; turn < 8; turn++) await store.put(uid, `a${turn}`, randomBytes(20_000), { ...bounds, bytes: 65_000 });
    const there = await Promise.all(Array.from({ length: 8 }, (_, turn) => store.get(uid, `a${turn}`)));
    expect(there.map((value) => value !== undefined)).toEqual([false, false, false, false, false, true, true, true]);
    expect(await store.get(other, 'a')).toBeDefined();
  });

  test('what is kept anew takes the place of what was there, and its room', async () => {
    const uid = randomUUID();
    const [store] = replicas();
    await store.put(uid, 'first', randomBytes(20_000), bounds);
    for (let turn = 0; turn < 20; turn++) await store.put(uid, 'a', randomBytes(20_000), bounds);
    expect(await store.get(uid, 'first')).toBeDefined();
    await store.put(uid, 'a', Buffer.from('new'), bounds);
    expect(await store.get(uid, 'a')).toEqual(Buffer.from('new'));
  });

  test('what is too large by itself is not kept, nor is what it would have replaced', async () => {
    const uid = randomUUID();
    const [store] = replicas();
    await store.put(uid, 'first', randomBytes(20_000), bounds);
    await store.put(uid, 'a', Buffer.from('old'), bounds);
    await store.put(uid, 'a', randomBytes(200_000), bounds);
    expect(await store.get(uid, 'a')).toBeUndefined();
    expect(await store.get(uid, 'first')).toBeDefined();
  });
}
