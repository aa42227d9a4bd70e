import type { Condition } from './resource.ts';

/** A condition before it has a time. */
export type ConditionInput = Omit<Condition, 'lastTransitionTime'>;

/**
 * The list with one condition set. Its `lastTransitionTime` moves only when its status does, and the order of the list stays, so that
 * saying the same again gives an equal list and causes no write.
 */
export function setCondition(conditions: readonly Condition[] | undefined, input: ConditionInput, now: Date = new Date()): Condition[] {
  const before = conditions?.find((condition) => condition.type === input.type);
  const since = before?.status === input.status ? before.lastTransitionTime : `${now.toISOString().slice(0, 19)}Z`;
  const next: Condition = { ...input, lastTransitionTime: since };
  const others = conditions ?? [];
  return before ? others.map((condition) => (condition === before ? next : condition)) : [...others, next];
}

/** The condition of that type, if there is one. */
export const findCondition = (conditions: readonly Condition[] | undefined, type: string): Condition | undefined =>
  conditions?.find((condition) => condition.type === type);

/** Whether there is a condition of that type with status True. Unknown, False and absent are all no. */
export const isTrue = (conditions: readonly Condition[] | undefined, type: string): boolean =>
  findCondition(conditions, type)?.status === 'True';
