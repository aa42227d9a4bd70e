/** Events for what a person would want to have been told: it became Ready, or stopped being so, or for another reason than before. */
import { findCondition, type Condition, type EventNote } from 'kube-runtime';
import type { Reason } from './reasons.ts';

export function announcements(before: readonly Condition[] | undefined, after: readonly Condition[] | undefined): EventNote[] {
  const was = findCondition(before, 'Ready');
  const is = findCondition(after, 'Ready');
  if (!is || (was?.status === is.status && was.reason === is.reason)) return [];
  if (is.status === 'True') return [{ type: 'Normal', reason: is.reason, message: is.message }];
  // What passes by itself is told by the conditions; Events are for what somebody should look at.
  const stalled = findCondition(after, 'Stalled')?.status === 'True';
  return stalled || troubling.has(is.reason) ? [{ type: 'Warning', reason: is.reason, message: is.message }] : [];
}

const troubling: ReadonlySet<string> = new Set<Reason>(['DataUnreachable', 'ApplyFailed', 'AdminSecretMissing']);
