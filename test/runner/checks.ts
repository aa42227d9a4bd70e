/** What `make test` consists of. A check is a command; a suite is a vitest project, whose own JSON report is what is counted. */
export interface Check {
  readonly name: string;
  readonly command: readonly [program: string, ...args: string[]];
}

export const staticChecks: readonly Check[] = [
  { name: 'types', command: ['npm', 'run', '--silent', 'types'] },
  { name: 'lint', command: ['npm', 'run', '--silent', 'lint'] },
  { name: 'format', command: ['npm', 'run', '--silent', 'format:check'] },
];

export const suites = ['unit', 'cluster', 'rest', 'faults', 'simulation', 'e2e', 'timing', 'serving'] as const;
export type Suite = (typeof suites)[number];
