/** A provider that streams at a pace that tests set, and knows to the token what it bills. */
import {
  beginStream,
  endMark,
  piece,
  providerDouble,
  stopChunk,
  usageChunk,
} from '../../../gateway/src/egress/providers/provider.double.ts';

export interface Pace {
  /** Milliseconds from one token to the next. */
  readonly pause: number;
  /** Tokens of an answer at most; how many there are is by chance. */
  readonly tokens: number;
  /** Tokens of the input. */
  readonly input: number;
  /** No token comes before so many streams have been there at once. */
  readonly together: number;
}

export const quick: Pace = { pause: 10, tokens: 60, input: 10, together: 1 };
/** Spends a budget soon, with little to do for a machine that is busy. */
export const dear: Pace = { ...quick, tokens: 6, input: 500 };

/** In micro-dollars, of which a token costs one. */
export interface Bill {
  microUsd: number;
  /** Under way, and the most that there were at once. */
  streams: number;
  most: number;
}

export interface BillingProvider extends AsyncDisposable {
  readonly baseURL: string;
  /** Of all calls since `beginAnew`, whoever has left meanwhile: what it has made when its caller is gone, it bills. */
  readonly bill: Readonly<Bill>;
  /** Of streams that begin from now on. */
  pace: Pace;
  beginAnew(): void;
}

export async function billingProvider(): Promise<BillingProvider> {
  let bill: Bill = { microUsd: 0, streams: 0, most: 0 };
  const double = await providerDouble((response) => {
    const { pause, input, together, tokens: longest } = provider.pace;
    const tokens = 1 + Math.floor(Math.random() * longest);
    let made = 0;
    const own = bill;
    own.most = Math.max(own.most, ++own.streams);
    const timer = setInterval(() => {
      if (own.most < together) return;
      if (made++ < tokens) return void response.write(piece(' word'));
      response.end(stopChunk + usageChunk(input, tokens) + endMark);
      clearInterval(timer);
    }, pause);
    beginStream(response).once('close', () => {
      clearInterval(timer);
      own.streams--;
      own.microUsd += input + Math.min(made, tokens);
    });
  });
  const provider: BillingProvider = {
    baseURL: double.baseURL,
    get bill() {
      return bill;
    },
    pace: quick,
    beginAnew: () => {
      bill = { microUsd: 0, streams: 0, most: 0 };
      provider.pace = quick;
    },
    [Symbol.asyncDispose]: () => double[Symbol.asyncDispose](),
  };
  return provider;
}
