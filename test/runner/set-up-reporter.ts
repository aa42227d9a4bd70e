/** Keeps why set-ups and tear-downs within files failed, which vitest's JSON report leaves out, as a JSON array in a file. */
import { writeFile } from 'node:fs/promises';
import type { Reporter, TestSuite } from 'vitest/node';
import type { BrokenSetUp } from './counts.ts';

export class SetUpReporter implements Reporter {
  readonly #file: string;
  readonly #broken: BrokenSetUp[] = [];

  constructor(file: string) {
    this.#file = file;
  }

  onTestSuiteResult(suite: TestSuite): void {
    for (const { message } of suite.errors()) {
      this.#broken.push({ file: suite.module.moduleId, suite: suite.fullName, message });
    }
  }

  async onTestRunEnd(): Promise<void> {
    await writeFile(this.#file, JSON.stringify(this.#broken));
  }
}
