import { isConflict, isNamespaceTerminating, KubeError, KubeRuntimeError } from 'kube-runtime';
import type { Reason } from './reasons.ts';

export interface Refusal {
  readonly reason: Reason;
  readonly message: string;
  readonly error: Error;
}

/**
 * How to tell of a child that could not be written. Throws what is no answer of the API server or of its client library: that is a bug,
 * and not for a person's eyes.
 */
export function refusalOf(error: unknown, what: string): Refusal {
  if (!(error instanceof KubeError || error instanceof KubeRuntimeError)) throw error;
  if (isConflict(error) || isNamespaceTerminating(error))
    return { reason: 'Pending', message: `${what} could not be written yet; tried again`, error };
  return { reason: 'ApplyFailed', message: `${what} could not be written: ${error.message}`, error };
}
