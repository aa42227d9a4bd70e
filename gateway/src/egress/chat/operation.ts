/**
 * What agents may ask of models, as far as one kind of call differs from another. Who may call what, budgets, retries, circuits, times and
 * errors are the same for all of them and stand outside.
 */
import type { ProviderDocument, TenantPolicy } from '@cloister/tenancy';
import type { ServerResponse } from 'node:http';
import type { Providers } from '../../directory/directory.ts';
import type { Worst } from '../budget/ask.ts';
import type { Reported, Used } from '../budget/used.ts';
import type { Answer } from '../cache/answer-cache.ts';
import type { JsonObject, Provider } from '../providers/provider.ts';
import type { CallTime } from './call-time.ts';
import type { Ending } from './pass-on.ts';
import type { Offered, Target } from './target.ts';

/** What a call can come to. */
export interface Bounds extends Worst {
  /** Whatever maximum it was told, no model takes in or gives more than this. A provider that says so is not believed. */
  readonly possible: Used;
}

/** What is reserved for one attempt, and what that can come to all the same. */
export interface Reserved extends Used {
  readonly possible: Used;
}

export interface Operation<M extends Offered> {
  /** As the OpenTelemetry conventions name it. */
  readonly name: 'chat' | 'embeddings';
  /** The model that was asked for, in full. */
  readonly model: string;
  readonly stream: boolean;
  /** The request as far as it makes the answer, without its model; undefined where the same request need not have the same answer. */
  readonly repeatable: JsonObject | undefined;
  /** What a provider offers for it. */
  readonly offers: (provider: ProviderDocument) => readonly M[];
  /** Another model may answer in the place of this one. */
  readonly replaceable: boolean;
  /** Those that do where it fails, in full. */
  fallbacks(policy: TenantPolicy, providers: Providers): readonly string[];
  /** Throws `parameter_too_large` or `parameter_not_priced`. `model` is the full name. */
  worst(model: string, offered: M): Bounds;
  /** To be called when the request goes out. */
  begin(reserved: Reserved): Course;
}

/** One attempt at it. */
export interface Course {
  /** Asks the provider and brings its answer to the caller. */
  run(sending: Sending): Promise<Ending>;
  /** What the provider has said of its use until now. */
  readonly reported: Reported | undefined;
  /**
   * The same or, where it has said nothing, what must be assumed, which is no more than is possible. `failed`: it has answered with an error, so it
   * works on it no more.
   */
  used(failed?: boolean): Promise<Reported>;
  /** What the record says of tools that the answer has called until now; undefined: it has called none. */
  readonly toolCalls?: string | undefined;
}

export interface Sending {
  readonly provider: Provider;
  readonly target: Target;
  readonly response: ServerResponse;
  readonly requestId: string;
  readonly time: CallTime;
  /** Is given an answer that may be given again to who asks the same. Undefined where nobody wants it. */
  readonly keep: ((answer: Answer) => void) | undefined;
}
