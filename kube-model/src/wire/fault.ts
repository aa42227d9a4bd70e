import { refusal, unreachable, type ApiRequest } from 'kube-runtime';
import { statusObject, type Status } from '../requests/refused.ts';

/** What goes wrong: the server refuses, the connection breaks, or no answer comes in time. An Error is thrown as it is. */
export type Trouble = Status | 'reset' | 'timeout' | Error;

/** What happens to one request. */
export interface Fault {
  /** The request waits for this first. */
  readonly hold?: Promise<unknown>;
  /** The request fails before anything is done. */
  readonly before?: Trouble;
  /** The request is carried out, and its answer is lost. */
  readonly after?: Trouble;
}

/** `index` counts the requests of the connection from 0. */
export type FaultPlan = (request: ApiRequest, index: number) => Fault | undefined;

/** As HTTP would have told it. */
export function errorOf(request: ApiRequest, trouble: Trouble): Error {
  if (trouble instanceof Error) return trouble;
  if (trouble === 'reset') return unreachable(request, new Error('the connection was reset'));
  if (trouble === 'timeout') return unreachable(request, new DOMException('no answer in time', 'TimeoutError'));
  return refusal(request, trouble.code, JSON.stringify(statusObject(trouble)));
}
