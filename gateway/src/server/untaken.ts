/**
 * Answers that nobody takes. What a caller has not taken yet waits here, in bounded memory, and whoever writes it waits likewise. Without an end
 * to that, one who stops reading holds a connection, an agent and a reservation for as long as it likes, and keeps a replica from leaving.
 */
import type { ServerResponse } from 'node:http';

/** What was waiting for the caller did not go out in time. */
export class Untaken extends Error {
  override readonly name = 'Untaken';
}

export interface UntakenAnswers {
  watch(response: ServerResponse): void;
  /** Whether an answer is complete and has not gone out yet. */
  readonly goingOut: () => boolean;
  readonly stop: () => void;
}

/**
 * Ends the connection of an answer of which something has waited to go out for `limitMs` and a quarter of that at most. However slowly a caller
 * takes what waits, all of it must be gone by then; an answer that itself has nothing to say may be silent for as long as it likes.
 */
export function endUntaken(limitMs: number): UntakenAnswers {
  /** Since when something waits, by the clock of `performance`; undefined where nothing does. */
  const answers = new Map<ServerResponse, number | undefined>();
  const look = () => {
    const now = performance.now();
    for (const [response, since] of answers) {
      if (!waits(response)) answers.set(response, undefined);
      else if (since === undefined) answers.set(response, now);
      else if (now - since >= limitMs) response.destroy(new Untaken());
    }
  };
  const timer = setInterval(look, Math.min(limitMs / 4, 1_000)).unref();
  return {
    watch: (response) => {
      answers.set(response, undefined);
      response.on('drain', () => answers.set(response, undefined)).once('close', () => answers.delete(response));
    },
    goingOut: () => answers.keys().some(isGoingOut),
    stop: () => clearInterval(timer),
  };
}

const isGoingOut = ({ writableEnded, writableFinished }: ServerResponse): boolean => writableEnded && !writableFinished;

/** One without a socket stands behind another on its connection, whose caller it is not that is slow. */
const waits = (response: ServerResponse): boolean => response.socket !== null && (response.writableNeedDrain || isGoingOut(response));
