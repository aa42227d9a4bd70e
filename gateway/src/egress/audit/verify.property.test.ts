/** Every way to tamper with an export, tried on generated ones. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { after, beginning, type Head } from './chain.ts';
import { callText, endText, exportOfRecords, inTurn, owner } from './chain.fixture.ts';
import { lastLine, recordLine } from './export.ts';
import { linesOf } from './lines.ts';
import { verify } from './verify.ts';

const writers = ['w1', 'w2', 'w3'] as const;
/** Records of several writers, interleaved, each with its own numbers. */
const chains = fc
  .array(fc.record({ writer: fc.constantFrom(...writers), model: fc.string(), outputTokens: fc.nat() }), { minLength: 1, maxLength: 12 })
  .map((steps) => {
    const numbers = new Map<string, number>();
    return steps.map(({ writer, ...more }) => {
      const number = (numbers.get(writer) ?? 0) + 1;
      numbers.set(writer, number);
      return callText(writer, number, more);
    });
  });

const problemsOf = async (lines: readonly string[], anchors: readonly Head[] = []) => (await verify(inTurn(lines), anchors)).problems;
const anchorOf = (records: readonly string[]): Head => records.reduce(after, beginning(owner));

describe('in any chain', () => {
  test('nothing is wrong as long as nobody touches it, whatever anchors are compared', () =>
    fc.assert(
      fc.asyncProperty(chains, async (records) => {
        const anchors = records.map((_, upTo) => anchorOf(records.slice(0, upTo)));
        expect(await problemsOf(await exportOfRecords(records), [...anchors, anchorOf(records)])).toEqual([]);
      }),
    ));

  test('every removed line is found', () =>
    fc.assert(
      fc.asyncProperty(chains, async (records) => {
        const lines = await exportOfRecords(records);
        for (const gone of lines.keys()) expect(await problemsOf(lines.toSpliced(gone, 1))).not.toEqual([]);
      }),
    ));

  test('every two lines that change places are found', () =>
    fc.assert(
      fc.asyncProperty(chains, async (records) => {
        const lines = await exportOfRecords(records);
        for (const [one, text] of lines.entries())
          for (const [other, second] of lines.entries())
            if (one < other) expect(await problemsOf(lines.with(one, second).with(other, text))).not.toEqual([]);
      }),
    ));

  test('every repeated or inserted line is found', () =>
    fc.assert(
      fc.asyncProperty(chains, fc.string(), async (records, stranger) => {
        const lines = await exportOfRecords(records);
        for (const place of Array.from({ length: lines.length + 1 }, (_, at) => at))
          for (const text of [...lines, stranger]) expect(await problemsOf(lines.toSpliced(place, 0, text))).not.toEqual([]);
      }),
      { numRuns: 30 },
    ));

  test('every truncation is found, at the end and at the beginning', () =>
    fc.assert(
      fc.asyncProperty(chains, async (records) => {
        const lines = await exportOfRecords(records);
        for (let length = 0; length < lines.length; length++) {
          expect(await problemsOf(lines.slice(0, length))).not.toEqual([]);
          if (length > 0) expect(await problemsOf(lines.slice(length))).not.toEqual([]);
        }
      }),
    ));

  test('every changed byte is found, wherever it is', { timeout: 60_000 }, () =>
    fc.assert(
      fc.asyncProperty(chains, fc.nat(), fc.integer({ min: 1, max: 255 }), async (records, seed, change) => {
        const bytes = Buffer.from((await exportOfRecords(records)).map((line) => `${line}\n`).join(''));
        const place = seed % (bytes.length - 1); // the last is the line feed behind the last line
        bytes[place] = (bytes[place] ?? 0) ^ change;
        const found = await verify(linesOf(inTurn([bytes]))).then(
          ({ problems }) => problems.length > 0,
          () => true, // no UTF-8 any more
        );
        expect(found).toBe(true);
      }),
      { numRuns: 2_000 },
    ),
  );

  test('a truncation with a new last line is found by an anchor, and so is a chain that was written anew', () =>
    fc.assert(
      fc.asyncProperty(chains, fc.nat(), async (records, seed) => {
        const anchor = anchorOf(records);
        const place = seed % records.length;
        for (const forged of [records.slice(0, place), records.toSpliced(place, 1), records.with(place, endText('w1', 1))]) {
          const lines = await exportOfRecords(forged);
          expect(await problemsOf(lines, [anchor])).not.toEqual([]);
        }
      }),
    ));
});

test('a problem is told by its line and the records that it is about', async () => {
  const records = ['w1', 'w2', 'w3'].map((writer) => callText(writer, 1));
  const lines = await exportOfRecords(records);
  expect(await problemsOf(lines.toSpliced(2, 1))).toEqual(['line 3: record 2 is missing']);
  expect(await problemsOf(lines.with(2, lines[2]?.replace('support', 'sales') ?? ''))).toEqual([
    'line 3: record 2 or its hash was changed',
  ]);
  expect(await problemsOf(lines.slice(0, 3))).toEqual(['the export has no last line: it was cut off after record 2']);
  expect(await problemsOf(lines.toSpliced(3, 1))).toEqual(['line 4: the chain ends with record 3, and records from 3 on are missing']);
  const cut = [...lines.slice(0, 3), lastLine(anchorOf(records.slice(0, 2)))];
  expect(await problemsOf(cut)).toEqual([]);
  expect(await problemsOf(cut, [anchorOf(records)])).toEqual(['an anchor knows record 3, and the chain ends with 2: the rest was cut off']);
});

test('what a gateway lost is told apart from what somebody removed', async () => {
  const lines = await exportOfRecords([callText('w1', 1), callText('w2', 1), callText('w1', 4), endText('w1', 5)]);
  expect(await verify(inTurn(lines))).toMatchObject({
    records: 4,
    problems: [],
    writers: { gaps: [{ writer: 'w1', from: 2, to: 3 }], open: [{ writer: 'w2', lastAt: '2026-11-22T12:00:00.000Z' }] },
  });
});

test('what is no export is not intact', async () => {
  for (const lines of [[], [''], ['{}'], [recordLine(anchorOf([]), callText('w1', 1))]]) expect(await problemsOf(lines)).not.toEqual([]);
});
