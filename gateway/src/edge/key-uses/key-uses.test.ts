import { createLogger } from '@cloister/telemetry';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { keyUses } from './key-uses.ts';
import { localUseStore } from './local-use-store.ts';
import type { UseStore } from './use-store.ts';

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }));
afterEach(() => void vi.useRealTimers());

const lines: string[] = [];
const log = createLogger({ name: 'edge', destination: { write: (line) => void lines.push(line) } });
function replicaOn(store: UseStore) {
  const uses = keyUses(store, log);
  onTestFinished(() => uses.close());
  return uses;
}

test('however often keys are used, they are written once a minute, together', async () => {
  const store = localUseStore();
  const write = vi.spyOn(store, 'write');
  const uses = replicaOn(store);
  for (let turn = 0; turn < 1000; turn++) {
    uses.note('acme', `key-${turn % 3}`);
    await vi.advanceTimersByTimeAsync(100);
  }
  expect(write).toHaveBeenCalledTimes(1);
  expect([...(write.mock.calls[0]?.[0].get('acme')?.keys() ?? [])]).toEqual(['key-0', 'key-1', 'key-2']);
  await vi.advanceTimersByTimeAsync(300_000);
  expect(write).toHaveBeenCalledTimes(2); // nothing was used since
});

describe('what is told of a key', () => {
  test('is its latest use on this replica at once, and on others a minute later', async () => {
    const store = localUseStore();
    const [here, there] = [replicaOn(store), replicaOn(store)];
    here.note('acme', 'a');
    expect([await here.of('acme'), await there.of('acme')]).toEqual([new Map([['a', 1_000_000]]), new Map()]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await there.of('acme')).toEqual(new Map([['a', 1_000_000]]));
  });

  test('is not lost while it cannot be written, nor by the end of the replica', async () => {
    const store = localUseStore();
    vi.spyOn(store, 'write').mockRejectedValueOnce(new Error('no connection'));
    const uses = keyUses(store, log);
    uses.note('acme', 'a');
    await vi.advanceTimersByTimeAsync(60_000);
    expect(lines.join()).toContain('cannot be written yet');
    uses.note('acme', 'b');
    await uses.close();
    expect(await replicaOn(store).of('acme')).toEqual(
      new Map([
        ['a', 1_000_000],
        ['b', 1_060_000],
      ]),
    );
  });

  test('is nothing of another tenant', async () => {
    const uses = replicaOn(localUseStore());
    uses.note('acme', 'a');
    expect(await uses.of('bravo')).toEqual(new Map());
  });
});
