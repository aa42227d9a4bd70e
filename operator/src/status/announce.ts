/** Events for what a person would want to have been told: it became Ready, or stopped being so, or for another reason than before; a warning came, changed or went. */
import { findCondition, type Condition, type EventNote } from 'kube-runtime';
import type { Reason } from './reasons.ts';

type Conditions = readonly Condition[] | undefined;

/** `warnings` names the conditions of negative polarity to tell of. */
export const announcements = (before: Conditions, after: Conditions, warnings: readonly string[] = []): EventNote[] => [
  ...ofReadiness(before, after),
  ...warnings.flatMap((warning) => ofWarning(findCondition(before, warning), findCondition(after, warning))),
];

function ofReadiness(before: Conditions, after: Conditions): EventNote[] {
  const was = findCondition(before, 'Ready');
  const is = findCondition(after, 'Ready');
  if (!is || (was?.status === is.status && was.reason === is.reason)) return [];
  if (is.status === 'True') return [{ type: 'Normal', reason: is.reason, message: is.message }];
  // What passes by itself is told by the conditions; Events are for what somebody should look at.
  const stalled = findCondition(after, 'Stalled')?.status === 'True';
  return stalled || troubling.has(is.reason) ? [{ type: 'Warning', reason: is.reason, message: is.message }] : [];
}

const troubling: ReadonlySet<string> = new Set<Reason>(['DataUnreachable', 'ApplyFailed', 'AdminSecretMissing']);

/** Told again when the message changes: then it is about something else. */
function ofWarning(was: Condition | undefined, is: Condition | undefined): EventNote[] {
  if (is?.status === 'True') return was?.message === is.message ? [] : [{ type: 'Warning', reason: is.type, message: is.message }];
  return is && was?.status === 'True' ? [{ type: 'Normal', reason: is.reason, message: `no longer ${is.type}: ${is.message}` }] : [];
}
