import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { z } from 'zod';

/** In a process of its own, which nothing else fills or empties. */
const program = `
  import { readFileSync } from 'node:fs';
  import { memoryTrim } from ${JSON.stringify(new URL('memory-trim.ts', import.meta.url).href)};
  const resident = () => Number(/^VmRSS:\\s+(\\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))[1]) / 1024;
  const quiet = () => undefined;
  const trim = memoryTrim({ debug: quiet, info: quiet, warn: quiet, error: quiet });
  let blocks = Array.from({ length: 16_384 }, () => Buffer.allocUnsafeSlow(8_192).fill(1));
  blocks = blocks.filter((_, index) => index % 8 === 0);
  gc();
  await new Promise((resolve) => setTimeout(resolve, 500)); // buffers are freed by another thread
  const before = resident();
  trim();
  console.log(JSON.stringify({ before, after: resident(), held: blocks.every((block) => block[8_191] === 1) }));
`;

test('pages that are free between blocks that are still held go back to the system', () => {
  const flags = ['--expose-gc', '--disable-warning=ExperimentalWarning', '--input-type=module-typescript', '--eval'];
  const told = z.object({ before: z.number(), after: z.number(), held: z.boolean() });
  const { before, after, held } = told.parse(JSON.parse(execFileSync(process.execPath, [...flags, program], { encoding: 'utf8' })));
  expect(before - after).toBeGreaterThan(64);
  expect(held).toBe(true);
});
