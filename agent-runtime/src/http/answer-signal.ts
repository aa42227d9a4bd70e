import { onceOver } from '@cloister/api-errors';
import type { ServerResponse } from 'node:http';
import { ClientGone, fail } from '../errors.ts';

/**
 * Aborts when the time for an answer is over (reason `request_timed_out`) or the client hangs up (reason {@link ClientGone}), whichever comes
 * first. Not any more when the answer has been sent.
 */
export function answerSignal(response: ServerResponse, seconds: number): AbortSignal {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(fail('request_timed_out', { values: { seconds } })), seconds * 1_000);
  onceOver(response, (whole) => {
    clearTimeout(timer);
    if (!whole) controller.abort(new ClientGone());
  });
  return controller.signal;
}
