/**
 * A provider that bills to the token, by a tokenizer that makes as many as one can, and whoever has left meanwhile. What it may do, and at what pace,
 * is what egress assumes of providers (chat/meter.ts).
 */
import type { ServerResponse } from 'node:http';
import { isObject } from '../chat/chunk.ts';
import { beginStream, completion, endMark, failure, piece, providerDouble, stopChunk, usageChunk, type Asked } from './provider.double.ts';

export interface Conduct {
  /** Tokens of reasoning, which nobody sees. */
  readonly hidden: number;
  /** Tokens of the answer, each of one byte. */
  readonly tokens: number;
  /** As it should, without a word of what it bills, by hanging up, or by an error in the place of an answer. */
  readonly end: 'reported' | 'silent' | 'broken' | number;
}

export interface Bill {
  readonly input: number;
  output: number;
}

export interface BillingProvider extends AsyncDisposable {
  readonly baseURL: string;
  /** By the `user` of the call. Of those that have ended here. */
  readonly bills: ReadonlyMap<string, Bill>;
  /** Calls that have not. */
  readonly underWay: number;
}

/** Milliseconds for each token, also for those that nobody sees. */
const pace = 4;
const pictureTokens = 30_000;
/** Of a template, and of the instructions that come with tools. */
const [preamble, instructions] = [60, 530];

/** `conductOf` tells what is done with the call of this `user`. */
export async function billingProvider(conductOf: (user: string) => Conduct): Promise<BillingProvider> {
  const bills = new Map<string, Bill>();
  let underWay = 0;
  const double = await providerDouble((response, asked) => {
    const user = String(asked.body['user']);
    const conduct = conductOf(user);
    const bill = { input: inputOf(asked), output: 0 };
    underWay++;
    answer({ response, asked, conduct, bill }, () => {
      underWay--;
      if (conduct.end !== 429 && conduct.end !== 503) bills.set(user, bill);
    });
  });
  return {
    baseURL: double.baseURL,
    bills,
    get underWay() {
      return underWay;
    },
    [Symbol.asyncDispose]: () => double[Symbol.asyncDispose](),
  };
}

interface Answering {
  readonly response: ServerResponse;
  readonly asked: Asked;
  readonly conduct: Conduct;
  readonly bill: Bill;
}

/** Whether anybody still waits is looked after where a stream is to be written, and not before a whole answer is there. */
function answer({ response, asked: { body }, conduct: { hidden, tokens, end }, bill }: Answering, ended: () => void): void {
  const isStream = body['stream'] === true && typeof end !== 'number';
  if (isStream) beginStream(response).flushHeaders();
  const all = Math.min(hidden + tokens, Number(body['max_tokens']));
  const started = performance.now();
  const work = setInterval(() => {
    const made = Math.min(all, Math.floor((performance.now() - started) / pace));
    const said = made - Math.max(hidden, bill.output);
    if (isStream && said > 0) response.write(piece('x'.repeat(said)));
    bill.output = made;
    if (made < all) return;
    stop();
    if (!response.destroyed) finish(response, { end, isStream, text: 'x'.repeat(Math.max(0, all - hidden)), bill });
  }, pace);
  const stop = () => {
    response.off('close', stop);
    clearInterval(work);
    ended();
  };
  if (body['stream'] === true) response.once('close', stop);
}

interface Ending {
  readonly end: Conduct['end'];
  readonly isStream: boolean;
  readonly text: string;
  readonly bill: Bill;
}

function finish(response: ServerResponse, { end, isStream, text, bill: { input, output } }: Ending): void {
  const asked = { headers: {}, body: {}, url: '' };
  if (typeof end === 'number') failure(end, '')(response, asked);
  else if (end === 'broken') response.destroy();
  else if (isStream) response.end(stopChunk + (end === 'reported' ? usageChunk(input, output) : '') + endMark);
  else completion(text, ...(end === 'reported' ? ([input, output] as const) : ([0, 0] as const)))(response, asked);
}

/** A token for each byte of what came. */
function inputOf({ body: { messages, tools } }: Asked): number {
  const text = JSON.stringify([messages, tools]);
  return (
    Buffer.byteLength(text) +
    preamble +
    (isObject(tools) || Array.isArray(tools) ? instructions : 0) +
    (text.includes('image_url') ? pictureTokens : 0)
  );
}
