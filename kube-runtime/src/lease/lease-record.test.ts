import { describe, expect, test } from 'vitest';
import { HolderWatch } from './lease-record.ts';

const lease = (holderIdentity: string, renewTime: string) => ({ metadata: { name: 'l', uid: 'u' }, spec: { holderIdentity, renewTime } });

describe('a lease is free', () => {
  test('when its record has not changed before our eyes for as long as it lasts, whatever time it claims', () => {
    const watch = new HolderWatch();
    const record = lease('other', '2099-01-01T00:00:00.000000Z');
    watch.observe(record, 1_000);
    watch.observe(record, 10_000);
    expect(watch.freeIn(record, 15_000, 15_999)).toBe(1);
    expect(watch.freeIn(record, 15_000, 16_000)).toBe(0);
  });

  test('not while it is renewed, even by a clock that stands still in the past', () => {
    const watch = new HolderWatch();
    watch.observe(lease('other', '1999-01-01T00:00:00.000000Z'), 0);
    watch.observe(lease('other', '1999-01-01T00:00:00.000001Z'), 14_000);
    expect(watch.freeIn(lease('other', '1999-01-01T00:00:00.000001Z'), 15_000, 20_000)).toBe(9_000);
  });

  test('at once when it was released', () => {
    const watch = new HolderWatch();
    watch.observe(lease('', 'now'), 0);
    expect(watch.freeIn(lease('', 'now'), 15_000, 1)).toBe(0);
  });
});
