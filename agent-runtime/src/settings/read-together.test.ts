import { expect, test } from 'vitest';
import { readTogether } from './read-together.ts';

/** A source whose reads end when they are told to. */
function source() {
  let value = 'first';
  const reads: { readonly end: () => void; readonly fail: () => void }[] = [];
  const read = () => {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const seen = value;
    reads.push({ end: () => resolve(seen), fail: () => reject(new Error('away')) });
    return promise;
  };
  return { reads, read: readTogether(read), change: (to: string) => (value = to) };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('who asks alone is read for alone', async () => {
  const { reads, read } = source();
  for (let time = 1; time <= 3; time++) {
    const asked = read();
    reads.at(-1)?.end();
    await asked;
    await turn();
    expect(reads).toHaveLength(time);
  }
});

test('all who ask while a read is under way share the next one, and see what had changed when they asked', async () => {
  const { reads, read, change } = source();
  const early = read();
  change('second');
  const late = [read(), read(), read()];
  expect(reads).toHaveLength(1);
  reads[0]?.end();
  await turn();
  reads[1]?.end();
  expect(await early).toBe('first');
  expect(await Promise.all(late)).toEqual(['second', 'second', 'second']);
  expect(reads).toHaveLength(2);
});

test('a read that fails fails for those who asked for it, and the next is made all the same', async () => {
  const { reads, read } = source();
  const early = read();
  const late = read();
  reads[0]?.fail();
  await expect(early).rejects.toThrow('away');
  await turn();
  reads[1]?.end();
  expect(await late).toBe('first');
});
