/**
 * Decides what of a stream of Events is worth writing. The numbers are client-go's: from the tenth wording on, those alike are told as one,
 * until ten minutes pass without any; an object may cause 25 writes at once and then one every 5 minutes.
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
  readonly messages: ReadonlySet<string>;
  readonly last: number;
}

export interface Folded {
  readonly note: EventNote;
  /** Notes of one series are written as one Event that counts. */
  readonly series: string;
}

export class Correlation {
  readonly #budgets = new Map<string, Budget>();
  readonly #alike = new Map<string, Alike>();

  /** The note to write, and the series it belongs to: that of its own words, or that of all alike when only the words vary. */
  fold(about: BaseObject, note: EventNote, now: number): Folded {
    const alike = [idOf(about), note.type, note.reason, note.action ?? ''].join('\n');
    const group = this.#alike.get(alike);
    const messages = new Set(group && now - group.last <= alikeWindowMs ? group.messages : []).add(note.message);
    const isCrowd = messages.size >= alikeLimit;
    if (isCrowd) messages.delete(note.message); // the next wording makes it a crowd again; the set need not grow
    keepRecent(this.#alike, alike, { messages, last: now });
    if (!isCrowd) return { note, series: `${alike}\n${note.message}` };
    return { note: { ...note, message: `More of the same kind, for example: ${note.message}` }, series: alike };
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
