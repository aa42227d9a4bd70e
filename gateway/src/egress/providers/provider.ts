/**
 * What every model provider is to egress: something that takes requests in OpenAI's shape and answers in that shape.
 * Metering, budgets and errors are the same for all of them and stand outside.
 */
import type { ProviderDocument } from '@cloister/tenancy';

export type JsonObject = Readonly<Record<string, unknown>>;

export interface ProviderCall {
  readonly provider: ProviderDocument;
  /** Undefined for a provider that asks for none. */
  readonly credential: string | undefined;
  /** As it goes out: `model` is the provider's own name, the output maximum is set. */
  readonly body: JsonObject;
  readonly stream: boolean;
  /** Sent along, so that a provider's support can find the call. */
  readonly requestId: string;
  /** Aborts when the caller has left or the time is up; the provider must stop at once. */
  readonly signal: AbortSignal;
}

/** One piece of a stream: `data` is the JSON text of a chunk, or `[DONE]`. */
export interface StreamEvent {
  readonly event?: string | undefined;
  readonly data: string;
}

export type ProviderAnswer =
  | { readonly kind: 'whole'; /** JSON text. */ readonly text: string }
  /** Events as they came in together; whoever writes them on should not wait between those of one batch. */
  | { readonly kind: 'stream'; readonly events: AsyncIterable<readonly StreamEvent[]> };

export interface Provider {
  /**
   * Rejects with {@link ProviderFailure} when the provider answers with an error, with {@link NeverSent} when it cannot have heard of the call,
   * and with whatever the transport throws when it does not answer.
   */
  chat(call: ProviderCall): Promise<ProviderAnswer>;
  /** The same for texts that are to become vectors. The answer is a whole one. */
  embed(call: ProviderCall): Promise<ProviderAnswer>;
}

interface FailureDetails {
  readonly problem?: string;
  readonly param?: string | undefined;
  readonly retryAfterSeconds?: number | undefined;
  readonly quotaSpent?: boolean;
}

/** The provider answered with an error. */
export class ProviderFailure extends Error {
  readonly status: number;
  /** As the provider worded it; empty where its answer was not in OpenAI's shape. */
  readonly problem: string;
  readonly param: string | undefined;
  readonly retryAfterSeconds: number | undefined;
  /** The account behind the key is exhausted: trying again soon is of no use. */
  readonly quotaSpent: boolean;

  constructor(status: number, details: FailureDetails = {}) {
    super(`the provider answered ${status}`);
    this.name = 'ProviderFailure';
    this.status = status;
    this.problem = details.problem ?? '';
    this.param = details.param;
    this.retryAfterSeconds = details.retryAfterSeconds;
    this.quotaSpent = details.quotaSpent ?? false;
  }
}

/** Nothing of the request went out: no connection came about, the call had ended before one did, or it is {@link refused}. The cause says why. */
export class NeverSent extends Error {
  override readonly name = 'NeverSent';

  constructor(cause: unknown) {
    super('the request was not sent', { cause });
  }
}

/** What is told to the caller as the provider's 400 would be, where it could not take the request and is not asked. */
export const refused = (details: Required<Pick<FailureDetails, 'problem'>> & Pick<FailureDetails, 'param'>): NeverSent =>
  new NeverSent(new ProviderFailure(400, details));

/** The provider began to answer, and what came is not usable. The message completes "the provider failed: …". */
export class BrokenAnswer extends Error {
  override readonly name = 'BrokenAnswer';
}
