/**
 * One request, and its answer as a whole or as a stream. undici's own `request` makes a stream of Node's of each answer, with listeners for its end
 * and for the signal, which cost more than the answer.
 */
import type { Dispatcher } from 'undici';
import { BrokenAnswer, NeverSent } from '../provider.ts';
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
  /** Rejects when the answer breaks off, and with the signal's reason. Its connection is taken until it was read, or somebody stops reading it. */
  readonly pieces: AsyncIterable<Buffer>;
}

/** Longest answer that is read whole, in bytes. */
export const mostBytes = 32 * 1024 * 1024;

/** Of an error's words, in bytes and in milliseconds. */
export const longestError = 64 * 1024;
export const longestWaitForWords = 2_000;

/**
 * What is a stream by its content type is answered as one as soon as it begins, if `wantsStream`; everything else when it is there. Rejects with what
 * the transport says when no answer comes, with {@link BrokenAnswer} when it is too long, and with the signal's reason; each of these is the cause of
 * a {@link NeverSent} where nothing had been sent. Of an error the status is what counts: it stands, though its words may be too many, break off, or
 * never come.
 */
export function ask(
  to: Dispatcher,
  { signal, ...options }: Dispatcher.DispatchOptions & { signal: AbortSignal },
  wantsStream: boolean,
): Promise<WholeAnswer | StreamedAnswer> {
  if (signal.aborted) return Promise.reject(new NeverSent(reasonOf(signal)));
  const asking = new Asking(signal, wantsStream);
  to.dispatch(options, asking);
  return asking.answer;
}

class Asking implements Dispatcher.DispatchHandler {
  readonly #answer = Promise.withResolvers<WholeAnswer | StreamedAnswer>();
  readonly #signal: AbortSignal;
  readonly #wantsStream: boolean;
  #controller: Dispatcher.DispatchController | undefined;
  #sent = false;
  #head: Head | undefined;
  #stream: Pieces | undefined;
  #pieces: Buffer[] = [];
  #size = 0;
  #late: NodeJS.Timeout | undefined;

  constructor(signal: AbortSignal, wantsStream: boolean) {
    this.#signal = signal;
    this.#wantsStream = wantsStream;
    signal.addEventListener('abort', this.#leave);
  }

  get answer(): Promise<WholeAnswer | StreamedAnswer> {
    return this.#answer.promise;
  }

  /** There is a connection, on which the request goes out as soon as this returns. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#signal.aborted) this.#stop(reasonOf(this.#signal));
    else this.#sent = true;
  }

  onResponseStart(controller: Dispatcher.DispatchController, statusCode: number, headers: Headers): void {
    if (statusCode < 200) return;
    this.#head = { statusCode, headers };
    if (statusCode !== 200) this.#late = setTimeout(() => this.#enough(), longestWaitForWords);
    else if (this.#wantsStream && isStream(headers)) {
      this.#stream = new Pieces(controller, () => {
        this.#end();
        this.#stop(new Error('nobody reads any more'));
      });
      this.#answer.resolve({ kind: 'stream', statusCode, headers, pieces: this.#stream });
    }
  }

  onResponseData(_: Dispatcher.DispatchController, piece: Buffer): void {
    if (this.#stream) {
      this.#stream.add(piece);
      return;
    }
    this.#pieces.push(piece);
    this.#size += piece.length;
    if (this.#isError && this.#size > longestError) this.#enough();
    else if (this.#size > mostBytes) {
      this.#fail(new BrokenAnswer(`its answer is larger than ${mostBytes} bytes`));
      this.#stop(new Error('it is too long'));
    }
  }

  onResponseEnd(): void {
    this.#end();
    if (this.#stream) this.#stream.end();
    else this.#tellWhole();
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    if (this.#isError) this.#tellWhole();
    else this.#fail(error);
  }

  readonly #leave = (): void => {
    const reason = reasonOf(this.#signal);
    this.#stream?.giveUp(reason);
    this.#fail(reason);
    this.#stop(reason);
  };

  get #isError(): boolean {
    return this.#head !== undefined && this.#head.statusCode !== 200;
  }

  /** Of the words of an error. */
  #enough(): void {
    this.#tellWhole();
    this.#stop(new Error('the rest is of no interest'));
  }

  #tellWhole(): void {
    this.#end();
    const text = decoder.decode(this.#pieces.length === 1 ? this.#pieces[0] : Buffer.concat(this.#pieces, this.#size));
    if (this.#head) this.#answer.resolve({ kind: 'whole', ...this.#head, text });
  }

  #fail(error: Error): void {
    this.#end();
    this.#answer.reject(this.#sent ? error : new NeverSent(error));
    this.#stream?.end(error);
  }

  #end(): void {
    clearTimeout(this.#late);
    this.#signal.removeEventListener('abort', this.#leave);
  }

  #stop(reason: Error): void {
    if (this.#controller && !this.#controller.aborted) this.#controller.abort(reason);
  }
}

const isStream = (headers: Headers): boolean => String(headers['content-type'] ?? '').startsWith('text/event-stream');

const decoder = new TextDecoder();

function reasonOf({ reason }: AbortSignal): Error {
  const why: unknown = reason;
  return why instanceof Error ? why : new Error('it was given up');
}
