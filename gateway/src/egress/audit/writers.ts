import type { z } from 'zod';
import { administration, type auditRecord } from './record.ts';

export interface WriterReport {
  /** Records that were made and never stored, by the gap that they left. */
  readonly gaps: readonly { readonly writer: string; readonly from: number; readonly to: number }[];
  /** Writers that have not ended: they are at work, or were killed, and then their last quarter of a second may be missing. */
  readonly open: readonly { readonly writer: string; readonly lastAt: string }[];
}

/** Follows each writer's own numbers through a chain. */
export class Writers {
  readonly #last = new Map<string, { number: number; at: string; ended: boolean }>();
  readonly #gaps: { writer: string; from: number; to: number }[] = [];
  readonly #fromBeginning: boolean;

  /** Where records were pruned, nobody can tell with which number a writer began. */
  constructor(fromBeginning: boolean) {
    this.#fromBeginning = fromBeginning;
  }

  saw({ kind, writer, number, at }: z.infer<typeof auditRecord>): void {
    const before = this.#last.get(writer)?.number ?? (this.#fromBeginning ? 0 : number - 1);
    if (number > before + 1) this.#gaps.push({ writer, from: before + 1, to: number - 1 });
    this.#last.set(writer, { number, at, ended: kind === 'writer_ended' });
  }

  report(): WriterReport {
    const open = [...this.#last]
      .filter(([writer, { ended }]) => !ended && writer !== administration)
      .map(([writer, { at }]) => ({ writer, lastAt: at }));
    return { gaps: this.#gaps, open };
  }
}
