/** Events for what a person would want to have been told: it became Ready, or stopped being so, or for another reason than before. */
import { findCondition, type Condition, type EventNote } from 'kube-runtime';

export function announcements(before: readonly Condition[] | undefined, after: readonly Condition[] | undefined): EventNote[] {
  const was = findCondition(before, 'Ready');
  const is = findCondition(after, 'Ready');
  if (!is || (was?.status === is.status && was.reason === is.reason)) return [];
  if (is.status === 'True') return [{ type: 'Normal', reason: is.reason, message: is.message }];
  // On the way up, and while it waits for others, silence: the conditions tell that.
  const stalled = findCondition(after, 'Stalled')?.status === 'True';
  return stalled || was?.status === 'True' ? [{ type: 'Warning', reason: is.reason, message: is.message }] : [];
}
