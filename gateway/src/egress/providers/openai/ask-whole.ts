/**
 * One request, and its answer as a whole. undici's own `request` makes a stream of each answer, with listeners for its end and for the signal,
 * which cost more than the answer.
 */
import type { Dispatcher } from 'undici';
import { BrokenAnswer } from '../provider.ts';
import type { Headers } from './failure.ts';

export interface WholeAnswer {
  readonly statusCode: number;
  readonly headers: Headers;
  /** Of an error what could be had of its words. */
  readonly text: string;
}

/** Longest answer that is read whole, in bytes. */
export const mostBytes = 32 * 1024 * 1024;

/** Of an error's words, in bytes and in milliseconds. */
export const longestError = 64 * 1024;
export const longestWaitForWords = 2_000;

/**
 * Rejects with what the transport says when no answer comes, with {@link BrokenAnswer} when it is too long, and with the signal's reason. Of an
 * error the status is what counts: it stands, though its words may be too many, break off, or never come.
 */
export function askWhole(
  to: Dispatcher,
  { signal, ...options }: Dispatcher.DispatchOptions & { signal: AbortSignal },
): Promise<WholeAnswer> {
  if (signal.aborted) return Promise.reject(reasonOf(signal));
  const { promise, resolve, reject } = Promise.withResolvers<WholeAnswer>();
  let asking: Dispatcher.DispatchController | undefined;
  let late: NodeJS.Timeout | undefined;
  let head: Pick<WholeAnswer, 'statusCode' | 'headers'> | undefined;
  const pieces: Buffer[] = [];
  let size = 0;
  const end = () => {
    clearTimeout(late);
    signal.removeEventListener('abort', leave);
  };
  const fail = (error: Error) => {
    end();
    reject(error);
  };
  const stop = (reason: Error) => {
    if (asking && !asking.aborted) asking.abort(reason);
  };
  const leave = () => {
    fail(reasonOf(signal));
    stop(reasonOf(signal));
  };
  const answer = ({ statusCode, headers }: Pick<WholeAnswer, 'statusCode' | 'headers'>) => {
    end();
    resolve({ statusCode, headers, text: decoder.decode(pieces.length === 1 ? pieces[0] : Buffer.concat(pieces, size)) });
  };
  const isError = () => head !== undefined && head.statusCode !== 200;
  const enough = () => {
    if (head) answer(head);
    stop(new Error('the rest is of no interest'));
  };
  signal.addEventListener('abort', leave);
  to.dispatch(options, {
    onRequestStart: (controller) => {
      asking = controller;
      if (signal.aborted) controller.abort(reasonOf(signal));
    },
    onResponseStart: (_, statusCode, headers) => {
      if (statusCode < 200) return;
      head = { statusCode, headers };
      if (isError()) late = setTimeout(enough, longestWaitForWords);
    },
    onResponseData: (_, piece) => {
      pieces.push(piece);
      size += piece.length;
      if (isError() && size > longestError) enough();
      else if (size > mostBytes) {
        fail(new BrokenAnswer(`its answer is larger than ${mostBytes} bytes`));
        stop(new Error('it is too long'));
      }
    },
    onResponseEnd: () => {
      if (head) answer(head);
    },
    onResponseError: (_, error) => {
      if (head && isError()) answer(head);
      else fail(error);
    },
  });
  return promise;
}

const decoder = new TextDecoder();

function reasonOf({ reason }: AbortSignal): Error {
  const why: unknown = reason;
  return why instanceof Error ? why : new Error('it was given up');
}
