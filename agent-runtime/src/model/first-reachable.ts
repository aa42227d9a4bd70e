import type { ApiError } from '@cloister/api-errors';
import type { Logger } from '@cloister/telemetry';
import type { Measures } from '../measures.ts';
import type { CallModel, ModelAnswer, ModelCall } from './egress.ts';
import { upstreamError } from './upstream-error.ts';

export interface Served {
  /** The model that answered. */
  readonly model: string;
  /** Status 2xx. */
  readonly answer: ModelAnswer;
}

export interface ModelsOptions {
  readonly call: CallModel;
  readonly measures: Measures;
}

/**
 * Asks the models in order until one answers. Nothing has been sent to the caller while this runs, so trying the next one is safe.
 * Throws the last model's error, or what `call` throws: when egress itself is away, no other model is any nearer.
 */
export async function firstReachable(
  { call, measures }: ModelsOptions,
  models: readonly string[],
  request: ModelCall,
  told: { readonly logger: Logger },
): Promise<Served> {
  for (const [index, model] of models.entries()) {
    const answer = await call({ ...request, body: { ...request.body, model } });
    if (answer.status >= 200 && answer.status < 300) {
      measures.modelCalls.inc({ model, outcome: 'answered' });
      return { model, answer };
    }
    const error = await upstreamError(answer, model);
    const outcome = isUnreachable(error) ? 'unreachable' : 'refused';
    measures.modelCalls.inc({ model, outcome });
    const next = models[index + 1];
    if (outcome === 'refused' || next === undefined) throw error;
    told.logger.warn({ model, status: answer.status, code: error.code, next }, 'Model unreachable, trying the next');
  }
  throw new Error('there is no model to ask');
}

/**
 * Egress gives every failure of a provider a code of this kind. Its other failures, such as a budget that cannot be checked, would be the same
 * for every model.
 */
const isUnreachable = ({ code, kind }: ApiError): boolean => kind.status >= 500 && code.startsWith('provider_');
