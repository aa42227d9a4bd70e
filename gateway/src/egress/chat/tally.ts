/** What all attempts of a request used together, and how each of them ended, for its log line. */
import type { Exchange } from '../../server/exchange.ts';

export interface Cost {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly microUsd: bigint;
}

interface Ended {
  readonly model: string;
  /** `answered`, or the code of what went wrong. */
  readonly ending: string;
}

export class Tally {
  readonly #exchange: Exchange;
  readonly #tried: string[] = [];
  #last: Ended | undefined;
  #cost: Cost = { inputTokens: 0, outputTokens: 0, microUsd: 0n };

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  ended(model: string, cost: Cost, problem: string | undefined): void {
    this.#add(cost);
    this.#note(model, problem ?? 'answered', problem);
  }

  /** How many attempts there were, and the last of them. */
  get soFar(): { readonly attempts: number; readonly last: Ended | undefined } {
    return { attempts: this.#tried.length, last: this.#last };
  }

  /** An attempt that never went out. */
  refused(model: string, problem: string): void {
    this.#note(model, problem, problem);
  }

  /** Its answer was there, and nobody was asked. */
  gaveAgain(model: string): void {
    this.#add({ inputTokens: 0, outputTokens: 0, microUsd: 0n });
    this.#note(model, 'given again');
    this.#exchange.note({ attempts: this.#tried.length - 1 });
  }

  #add({ inputTokens, outputTokens, microUsd }: Cost): void {
    this.#cost = {
      inputTokens: this.#cost.inputTokens + inputTokens,
      outputTokens: this.#cost.outputTokens + outputTokens,
      microUsd: this.#cost.microUsd + microUsd,
    };
    this.#exchange.note({ ...this.#cost, microUsd: Number(this.#cost.microUsd) });
  }

  #note(model: string, ending: string, problem?: string): void {
    this.#tried.push(`${model} ${ending}`);
    this.#last = { model, ending };
    const all = this.#tried.length > 1 ? this.#tried.join(', ') : undefined;
    this.#exchange.note({ problem, provider: model.slice(0, model.indexOf('/')), attempts: this.#tried.length, tried: all });
  }
}
