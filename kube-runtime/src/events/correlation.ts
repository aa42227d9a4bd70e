/**
 * Decides what of a stream of Events is worth writing. The numbers are client-go's: more than 10 alike within 10 minutes are told as one;
 * an object may cause 25 writes at once and then one every 5 minutes.
 */
import type { BaseObject } from '../resource.ts';
import { keepRecent } from '../recent.ts';
import type { EventNote } from './event.ts';

const alikeWindowMs = 600_000;
const alikeLimit = 10;
const burst = 25;
const refillMs = 300_000;

interface Budget {
  tokens: number;
  at: number;
}

interface Alike {
  readonly messages: Set<string>;
  since: number;
}

export class Correlation {
  readonly #budgets = new Map<string, Budget>();
  readonly #alike = new Map<string, Alike>();

  /** The note to write: as it is, or as one for many when only the message varies. */
  fold(about: BaseObject, note: EventNote, now: number): EventNote {
    const id = [idOf(about), note.type, note.reason].join('\n');
    const group = this.#alike.get(id);
    const current = group && now - group.since < alikeWindowMs ? group : { messages: new Set<string>(), since: now };
    current.messages.add(note.message);
    keepRecent(this.#alike, id, current);
    return current.messages.size > alikeLimit ? { ...note, message: `More of the same kind, the latest: ${note.message}` } : note;
  }

  /** Takes one write from the object's allowance, if there is one. */
  allows(about: BaseObject, now: number): boolean {
    const id = idOf(about);
    const budget = this.#budgets.get(id) ?? { tokens: burst, at: now };
    const tokens = Math.min(burst, budget.tokens + (now - budget.at) / refillMs);
    keepRecent(this.#budgets, id, { tokens: tokens >= 1 ? tokens - 1 : tokens, at: now });
    return tokens >= 1;
  }
}

const idOf = ({ kind, metadata }: BaseObject): string => metadata.uid ?? `${kind ?? ''}/${metadata.namespace ?? ''}/${metadata.name}`;
