/** What all attempts of a request used together, and how each of them ended, for its log line. */
import type { Exchange } from '../../server/exchange.ts';

interface Cost {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly microUsd: bigint;
}

export class Tally {
  readonly #exchange: Exchange;
  readonly #tried: string[] = [];
  #cost: Cost = { inputTokens: 0, outputTokens: 0, microUsd: 0n };

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  ended(model: string, { inputTokens, outputTokens, microUsd }: Cost, problem: string | undefined): void {
    this.#cost = {
      inputTokens: this.#cost.inputTokens + inputTokens,
      outputTokens: this.#cost.outputTokens + outputTokens,
      microUsd: this.#cost.microUsd + microUsd,
    };
    this.#exchange.note({ ...this.#cost, microUsd: Number(this.#cost.microUsd) });
    this.#note(model, problem);
  }

  /** An attempt that never went out. */
  refused(model: string, problem: string): void {
    this.#note(model, problem);
  }

  #note(model: string, problem: string | undefined): void {
    this.#tried.push(`${model} ${problem ?? 'answered'}`);
    const all = this.#tried.length > 1 ? this.#tried.join(', ') : undefined;
    this.#exchange.note({ problem, provider: model.slice(0, model.indexOf('/')), attempts: this.#tried.length, tried: all });
  }
}
