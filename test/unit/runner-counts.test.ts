import { expect, test } from 'vitest';
import { countReport, failuresIn, sum, summary } from '../runner/counts.ts';

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

test('what failed is named with the beginning of its message, a file that broke by itself too', () => {
  const failedTest = {
    status: 'failed',
    fullName: 'a tenant is Ready',
    failureMessages: ['\u001b[31mAssertionError\u001b[39m: no\n    at x'],
  };
  const text = JSON.stringify({
    success: false,
    numTotalTests: 2,
    numPassedTests: 1,
    numFailedTests: 1,
    testResults: [
      { name: 'a.test.ts', status: 'failed', message: '', assertionResults: [failedTest, { status: 'passed', fullName: 'fine' }] },
      { name: 'b.test.ts', status: 'failed', message: 'cannot be loaded', assertionResults: [] },
      { name: 'c.test.ts', status: 'passed', assertionResults: [] },
    ],
  });
  expect(failuresIn(text)).toEqual(['a.test.ts › a tenant is Ready: AssertionError: no\n        at x', 'b.test.ts: cannot be loaded']);
});

test('a set-up within a file that failed is named with its message, which the report of its file leaves out', () => {
  const testResults = [
    { name: 'a.test.ts', status: 'failed', message: '', assertionResults: [{ status: 'skipped', fullName: 'of three' }] },
  ];
  const text = JSON.stringify({ success: false, numTotalTests: 1, numPassedTests: 0, numFailedTests: 0, testResults });
  const broken = [{ file: 'a.test.ts', suite: 'the audit', message: 'waited for it' }];
  expect(failuresIn(text, broken)).toEqual(['a.test.ts › the audit, set-up or tear-down: waited for it']);
  expect(failuresIn(text)).toEqual(['a.test.ts: ']);
});
