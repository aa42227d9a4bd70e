import { expect, test } from 'vitest';
import { countReport, sum, summary } from '../runner/counts.ts';

const file = (status: string, ...tests: string[]) => ({ name: 'f', status, assertionResults: tests.map((one) => ({ status: one })) });
const report = (success: boolean, [total, passed, failed]: readonly [number, number, number], ...testResults: object[]) =>
  JSON.stringify({ success, numTotalTests: total, numPassedTests: passed, numFailedTests: failed, testResults });

test('tests that passed, failed and were skipped are counted', () => {
  const text = report(false, [4, 2, 1], file('failed', 'passed', 'failed'), file('passed', 'passed', 'skipped'));
  expect(countReport(text)).toEqual({ passed: 2, failed: 1, skipped: 1 });
});

test('a file that fails outside of its tests is a failure', () => {
  expect(countReport(report(false, [2, 1, 0], file('failed', 'skipped'), file('passed', 'passed'))).failed).toBe(1);
});

test('a suite in which no test ran is a failure', () => {
  expect(countReport(report(true, [0, 0, 0])).failed).toBe(1);
});

test('the last line names skipped tests only where there are some', () => {
  expect(summary(sum([{ passed: 1, failed: 0, skipped: 0 }]))).toBe('1 passed, 0 failed');
  expect(
    summary(
      sum([
        { passed: 1, failed: 2, skipped: 3 },
        { passed: 1, failed: 0, skipped: 0 },
      ]),
    ),
  ).toBe('2 passed, 2 failed, 3 skipped');
});
