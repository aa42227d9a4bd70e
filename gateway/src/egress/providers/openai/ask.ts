/**
 * One request, and its answer as a whole or as a stream. undici's own `request` makes a stream of Node's of each answer, with listeners for its end
 * and for the signal, which cost more than the answer.
 */
import type { Dispatcher } from 'undici';
import { BrokenAnswer } from '../provider.ts';
import type { Headers } from './failure.ts';
import { Pieces } from './pieces.ts';

interface Head {
  readonly statusCode: number;
  readonly headers: Headers;
}

export interface WholeAnswer extends Head {
  readonly kind: 'whole';
  /** Of an error what could be had of its words. */
  readonly text: string;
}

export interface StreamedAnswer extends Head {
  readonly kind: 'stream';
  /** Rejects when the answer breaks off, and with the signal's reason. To be read, or the connection stays taken. */
  readonly pieces: AsyncIterable<Buffer>;
}

/** Longest answer that is read whole, in bytes. */
export const mostBytes = 32 * 1024 * 1024;

/** Of an error's words, in bytes and in milliseconds. */
export const longestError = 64 * 1024;
export const longestWaitForWords = 2_000;

/**
 * What is a stream by its content type is answered as one as soon as it begins, if `wantsStream`; everything else when it is there. Rejects with what the
 * transport says when no answer comes, with {@link BrokenAnswer} when it is too long, and with the signal's reason. Of an error the status is what
 * counts: it stands, though its words may be too many, break off, or never come.
 */
export function ask(
  to: Dispatcher,
  { signal, ...options }: Dispatcher.DispatchOptions & { signal: AbortSignal },
  wantsStream: boolean,
): Promise<WholeAnswer | StreamedAnswer> {
  if (signal.aborted) return Promise.reject(reasonOf(signal));
  const { promise, resolve, reject } = Promise.withResolvers<WholeAnswer | StreamedAnswer>();
  let asking: Dispatcher.DispatchController | undefined;
  let late: NodeJS.Timeout | undefined;
  let head: Head | undefined;
  let stream: Pieces | undefined;
  const pieces: Buffer[] = [];
  let size = 0;
  const end = () => {
    clearTimeout(late);
    signal.removeEventListener('abort', leave);
  };
  const fail = (error: Error) => {
    end();
    reject(error);
    stream?.end(error);
  };
  const stop = (reason: Error) => {
    if (asking && !asking.aborted) asking.abort(reason);
  };
  const leave = () => {
    stream?.giveUp(reasonOf(signal));
    fail(reasonOf(signal));
    stop(reasonOf(signal));
  };
  const answer = ({ statusCode, headers }: Head) => {
    end();
    const text = decoder.decode(pieces.length === 1 ? pieces[0] : Buffer.concat(pieces, size));
    resolve({ kind: 'whole', statusCode, headers, text });
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
    onResponseStart: (controller, statusCode, headers) => {
      if (statusCode < 200) return;
      head = { statusCode, headers };
      if (isError()) late = setTimeout(enough, longestWaitForWords);
      else if (wantsStream && isStream(headers)) {
        stream = new Pieces(controller, () => {
          end();
          stop(new Error('nobody reads any more'));
        });
        resolve({ kind: 'stream', statusCode, headers, pieces: stream });
      }
    },
    onResponseData: (_, piece) => {
      if (stream) {
        stream.add(piece);
        return;
      }
      pieces.push(piece);
      size += piece.length;
      if (isError() && size > longestError) enough();
      else if (size > mostBytes) {
        fail(new BrokenAnswer(`its answer is larger than ${mostBytes} bytes`));
        stop(new Error('it is too long'));
      }
    },
    onResponseEnd: () => {
      if (stream) {
        end();
        stream.end();
      } else if (head) answer(head);
    },
    onResponseError: (_, error) => {
      if (head && isError()) answer(head);
      else fail(error);
    },
  });
  return promise;
}

const isStream = (headers: Headers): boolean => String(headers['content-type'] ?? '').startsWith('text/event-stream');

const decoder = new TextDecoder();

function reasonOf({ reason }: AbortSignal): Error {
  const why: unknown = reason;
  return why instanceof Error ? why : new Error('it was given up');
}
