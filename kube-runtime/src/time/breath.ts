import { setImmediate as atNextTurn } from 'node:timers';
import { setImmediate as nextTurn } from 'node:timers/promises';

/** So many runs may follow each other within one turn of the event loop. */
const runsInATurn = 8;

/**
 * For work that goes on from one promise to the next. A thousand runs that find everything as it should be have nothing to wait for, and
 * nothing else would be heard until the last of them is over: no answer, no renewal of a lease, and every time-out would come first.
 *
 * Counts instead of looking at a clock, so that what happens does not depend on how fast the machine is.
 */
export class Breath {
  #runs = 0;

  /** After each run: gives timers and I/O their turn if they have not had one for a while. */
  async take(): Promise<void> {
    this.#runs++;
    if (this.#runs === 1) atNextTurn(() => (this.#runs = 0));
    if (this.#runs < runsInATurn) return;
    await nextTurn();
  }
}
