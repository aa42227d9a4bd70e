/** Keeps why set-ups and tear-downs within files failed, which vitest's JSON report leaves out, as a JSON array in the file named by `CLOISTER_SET_UPS`. */
import { writeFile } from 'node:fs/promises';
import type { Reporter, TestSuite } from 'vitest/node';
import type { BrokenSetUp } from './counts.ts';

export default class SetUpReporter implements Reporter {
  readonly #broken: BrokenSetUp[] = [];

  onTestSuiteResult(suite: TestSuite): void {
    for (const { message } of suite.errors()) {
      this.#broken.push({ file: suite.module.moduleId, suite: suite.fullName, message });
    }
  }

  async onTestRunEnd(): Promise<void> {
    const file = process.env['CLOISTER_SET_UPS'];
    if (file === undefined) throw new Error('CLOISTER_SET_UPS is not set; name the file to write to');
    await writeFile(file, JSON.stringify(this.#broken));
  }
}
