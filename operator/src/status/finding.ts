import type { Reason } from './reasons.ts';

/** One thing that stands in the way, found by a check. */
export interface Finding<Type extends string> {
  readonly condition: Type;
  readonly reason: Reason;
  /** Names the field, its value and what to do. Shown by `kubectl describe`. */
  readonly message: string;
  /** True when applying children now would do harm. */
  readonly blocks: boolean;
}

export const blocking = (findings: readonly Finding<string>[]): boolean => findings.some((finding) => finding.blocks);
