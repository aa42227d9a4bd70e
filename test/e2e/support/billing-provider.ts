/** A provider that keeps books of its own: it says up to so many words at its own pace, and bills what it has said, whoever has left meanwhile. */
import {
  beginStream,
  completion,
  endMark,
  piece,
  providerDouble,
  stopChunk,
  usageChunk,
  type Answer,
  type ProviderDouble,
} from '../../../gateway/src/egress/providers/provider.double.ts';

interface Bill {
  calls: number;
  /** A micro-dollar a word. */
  microUsd: number;
  underWay: number;
  most: number;
  /** Whose caller left before the end. */
  cut: number;
}
const nothing = (): Bill => ({ calls: 0, microUsd: 0, underWay: 0, most: 0, cut: 0 });

export class BillingProvider implements AsyncDisposable {
  /** Milliseconds from one word to the next. */
  pauseMs = 10;
  /** No word is said before so many calls were there at once. */
  together = 1;
  readonly #longest: number;
  #bill = nothing();
  #double: ProviderDouble | undefined;

  constructor(longest: number) {
    this.#longest = longest;
  }

  /** At an address of its own. */
  static async start(host: string, longest: number): Promise<BillingProvider> {
    const provider = new BillingProvider(longest);
    provider.#double = await providerDouble((response, asked) => provider.answer(response, asked), host);
    return provider;
  }

  get baseURL(): string {
    return this.#double?.baseURL ?? '';
  }

  /** Of calls from now on; what is under way counts as before. */
  startAnew(): void {
    this.#bill = nothing();
    this.together = 1;
    this.pauseMs = 10;
  }

  get calls(): number {
    return this.#bill.calls;
  }
  get microUsd(): number {
    return this.#bill.microUsd;
  }
  /** At the same time. */
  get most(): number {
    return this.#bill.most;
  }
  get cut(): number {
    return this.#bill.cut;
  }

  readonly answer: Answer = (response, { body }) => {
    const bill = this.#bill;
    const words = 1 + Math.floor(Math.random() * this.#longest);
    let said = 0;
    bill.calls++;
    bill.most = Math.max(bill.most, ++bill.underWay);
    const streams = body['stream'] === true;
    if (streams) beginStream(response);
    const timer = setInterval(() => {
      if (bill.most < this.together) return;
      if (said < words) {
        said++;
        if (streams) response.write(piece(' word'));
        return;
      }
      clearInterval(timer);
      if (streams) response.end(stopChunk + usageChunk(0, words) + endMark);
      else completion('word', 0, words)(response, { body, headers: {}, url: '' });
    }, this.pauseMs);
    response.once('close', () => {
      clearInterval(timer);
      bill.underWay--;
      bill.microUsd += said;
      if (!response.writableFinished) bill.cut++;
    });
  };

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#double?.[Symbol.asyncDispose]();
  }
}
