/** What all attempts of a request used together, and how each of them ended, for its log line. */
import type { Exchange } from '../../server/exchange.ts';
import type { Cost } from '../budget/usage-sheet.ts';
import type { Target } from './target.ts';

interface Noted {
  /** In full. */
  readonly model: string;
  readonly target: Pick<Target, 'whose'>;
}

interface Attempted extends Noted {
  readonly target: Pick<Target, 'whose' | 'model'>;
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

  ended(attempted: Attempted, cost: Cost, problem: string | undefined): void {
    this.#add(cost);
    this.#exchange.note({ priceAsOf: attempted.target.model.price.asOf });
    this.#note(attempted, problem ?? 'answered', problem);
  }

  /** How many attempts there were, and the last of them. */
  get soFar(): { readonly attempts: number; readonly last: Ended | undefined } {
    return { attempts: this.#tried.length, last: this.#last };
  }

  /** An attempt that never went out. */
  refused(attempted: Noted, problem: string): void {
    this.#note(attempted, problem, problem);
  }

  /** Its answer was there, and nobody was asked. */
  gaveAgain(model: string): void {
    this.#add({ inputTokens: 0, outputTokens: 0, microUsd: 0n });
    this.#note({ model, target: { whose: undefined } }, 'given again');
    this.#exchange.note({ attempts: this.#tried.length - 1 });
  }

  #add({ inputTokens, outputTokens, cachedTokens, cacheWriteTokens, reasoningTokens, microUsd }: Cost): void {
    this.#cost = {
      inputTokens: this.#cost.inputTokens + inputTokens,
      outputTokens: this.#cost.outputTokens + outputTokens,
      cachedTokens: sumOf(this.#cost.cachedTokens, cachedTokens),
      cacheWriteTokens: sumOf(this.#cost.cacheWriteTokens, cacheWriteTokens),
      reasoningTokens: sumOf(this.#cost.reasoningTokens, reasoningTokens),
      microUsd: this.#cost.microUsd + microUsd,
    };
    this.#exchange.note({ ...this.#cost, microUsd: Number(this.#cost.microUsd) });
  }

  #note({ model, target: { whose } }: Noted, ending: string, problem?: string): void {
    this.#tried.push(`${model} ${whose === 'own' ? '(own key) ' : ''}${ending}`);
    this.#last = { model, ending };
    const all = this.#tried.length > 1 ? this.#tried.join(', ') : undefined;
    const provider = model.slice(0, model.indexOf('/'));
    this.#exchange.note({ problem, provider, key: whose, attempts: this.#tried.length, tried: all });
  }
}

/** Undefined where nobody has told. */
const sumOf = (one: number | undefined, other: number | undefined): number | undefined =>
  one === undefined && other === undefined ? undefined : (one ?? 0) + (other ?? 0);
