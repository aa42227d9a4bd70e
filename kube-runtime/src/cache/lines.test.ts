import { describe, expect, test } from 'vitest';
import { lines } from './lines.ts';

async function* pieces(bytes: Buffer, cuts: readonly number[]): AsyncGenerator<Buffer> {
  const ends = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  let start = 0;
  for (const end of [...ends, bytes.length]) {
    yield await Promise.resolve(bytes.subarray(start, end));
    start = end;
  }
}

async function split(bytes: Buffer, cuts: readonly number[]): Promise<string[]> {
  const found: string[] = [];
  for await (const together of lines(pieces(bytes, cuts), () => undefined)) found.push(...together.map(String));
  return found;
}

describe('a stream of lines', () => {
  test('comes out the same wherever its bytes are cut, in the middle of a character too', async () => {
    const written = ['{"a":"ü"}', '{"b":"€uro"}', '{"c":"😀\\n"}'];
    const bytes = Buffer.from(written.map((line) => `${line}\n`).join(''));
    for (let first = 0; first <= bytes.length; first++) {
      for (let second = first; second <= bytes.length; second++) expect(await split(bytes, [first, second])).toEqual(written);
    }
  });

  test('may hold an object of a megabyte in pieces of a TCP packet', async () => {
    const big = JSON.stringify({ text: '€'.repeat(350_000) });
    const bytes = Buffer.from(`${big}\n{}\n`);
    const cuts = Array.from({ length: Math.floor(bytes.length / 1448) }, (_, i) => (i + 1) * 1448);
    expect(await split(bytes, cuts)).toEqual([big, '{}']);
  });

  test('loses its last line when that was cut off, rather than give half of it', async () => {
    expect(await split(Buffer.from('{"a":1}\n{"b":'), [3, 9])).toEqual(['{"a":1}']);
  });
});
