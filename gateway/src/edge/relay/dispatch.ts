/**
 * One request to an agent, and its answer straight into the caller's. undici's own `stream` does the same by way of streams and abort signals,
 * which cost more than everything else that edge does with most calls.
 */
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';

export interface Answering {
  readonly response: ServerResponse;
  /** Begins the answer. */
  readonly begin: (status: number, headers: IncomingHttpHeaders) => void;
}

/** Why nothing is asked of an agent any more. */
class CallerGone extends Error {
  override readonly name = 'CallerGone';
}

/**
 * Resolves with the trailers when the answer has gone out. Rejects when the agent cannot be asked or does not answer to the end, and when the
 * caller leaves before; then the agent is no longer listened to.
 */
export function dispatch(
  to: Dispatcher,
  options: Dispatcher.DispatchOptions,
  { response, begin }: Answering,
): Promise<IncomingHttpHeaders> {
  return new Promise((resolve, reject) => {
    let asking: Dispatcher.DispatchController | undefined;
    let trailers: IncomingHttpHeaders | undefined;
    const resume = () => asking?.resume();
    const closed = () => {
      if (trailers && response.writableFinished) resolve(trailers);
      else fail(new CallerGone());
    };
    const fail = (error: Error) => {
      response.off('close', closed).off('drain', resume);
      if (options.body instanceof Readable) options.body.destroy();
      if (asking && !asking.aborted) asking.abort(error);
      reject(error);
    };
    if (response.closed) {
      fail(new CallerGone());
      return;
    }
    response.once('close', closed).on('drain', resume);
    to.dispatch(options, {
      onRequestStart: (controller) => {
        asking = controller;
        if (response.closed) controller.abort(new CallerGone());
      },
      onResponseStart: (_, status, headers) => {
        if (status >= 200) begin(status, headers);
      },
      onResponseData: (controller, piece) => {
        if (!response.write(piece)) controller.pause();
      },
      onResponseEnd: (_, ending) => {
        trailers = ending;
        response.end();
      },
      onResponseError: (_, error) => fail(error),
    });
  });
}
