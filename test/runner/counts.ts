import { stripVTControlCharacters } from 'node:util';
import { z } from 'zod';

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export const none: Counts = { passed: 0, failed: 0, skipped: 0 };
export const onePassed: Counts = { ...none, passed: 1 };
export const oneFailed: Counts = { ...none, failed: 1 };

export const sum = (all: readonly Counts[]): Counts =>
  all.reduce((a, b) => ({ passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped }), none);

const report = z.object({
  success: z.boolean(),
  numTotalTests: z.int(),
  numPassedTests: z.int(),
  numFailedTests: z.int(),
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      message: z.string().optional(),
      assertionResults: z.array(
        z.object({ status: z.string(), fullName: z.string().optional(), failureMessages: z.array(z.string()).nullish() }),
      ),
    }),
  ),
});

/**
 * Counts from a vitest JSON report. A file that failed without a failed test in it (its set-up threw, it could not be loaded) counts as
 * one failure, and so does a suite in which no test ran: neither may pass for silence.
 */
export function countReport(text: string): Counts {
  const { success, numTotalTests, numPassedTests, numFailedTests, testResults } = report.parse(JSON.parse(text));
  const brokenFiles = testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  ).length;
  const failed = numFailedTests + brokenFiles;
  const unexplained = failed === 0 && (!success || numPassedTests === 0) ? 1 : 0;
  return { passed: numPassedTests, failed: failed + unexplained, skipped: numTotalTests - numPassedTests - numFailedTests };
}

const brokenSetUp = z.object({ file: z.string(), suite: z.string(), message: z.string() });
/** A set-up or tear-down within a file, of a group of its tests, that failed. */
export type BrokenSetUp = z.infer<typeof brokenSetUp>;

export const parseBrokenSetUps = (text: string): BrokenSetUp[] => z.array(brokenSetUp).parse(JSON.parse(text));

/** Failed tests and broken files of a vitest JSON report, each with the beginning of its message; without colours. */
export function failuresIn(text: string, brokenSetUps: readonly BrokenSetUp[] = []): string[] {
  const ofSetUps = brokenSetUps.map(({ file, suite, message }) => `${file} › ${suite}, set-up or tear-down: ${beginning(message)}`);
  const ofFiles = report.parse(JSON.parse(text)).testResults.flatMap(({ name, status, message = '', assertionResults }) => {
    const failed = assertionResults.filter((test) => test.status === 'failed');
    const isExplained = message === '' && brokenSetUps.some(({ file }) => file === name);
    if (failed.length === 0) return status === 'failed' && !isExplained ? [`${name}: ${beginning(message)}`] : [];
    return failed.map(({ fullName = '', failureMessages }) => `${name} › ${fullName}: ${beginning(failureMessages?.[0] ?? '')}`);
  });
  return [...ofFiles, ...ofSetUps];
}

const beginning = (message: string): string => stripVTControlCharacters(message).split('\n').slice(0, 12).join('\n    ').slice(0, 1000);

/** The line that ends every run. */
export const summary = ({ passed, failed, skipped }: Counts): string =>
  `${passed} passed, ${failed} failed${skipped === 0 ? '' : `, ${skipped} skipped`}`;
