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

/** How egress says that a provider did not answer at all. Whatever else it says would be the same for every model or is the caller's affair. */
const unreachableStatuses = [502, 503, 504];

/**
 * Asks the models in order until one is reachable. Nothing has been sent to the caller while this runs, so trying the next one is safe.
 * Throws the last model's error, or what `call` throws: when egress itself is away, no other model is any nearer.
 */
export async function firstReachable(
  { call, measures }: ModelsOptions,
  models: readonly string[],
  request: ModelCall,
  logger: Logger,
): Promise<Served> {
  for (const [index, model] of models.entries()) {
    const answer = await call({ ...request, body: { ...request.body, model } });
    const outcome = outcomeOf(answer.status);
    measures.modelCalls.inc({ model, outcome });
    if (outcome === 'answered') return { model, answer };
    const isLast = index === models.length - 1;
    if (isLast || outcome === 'refused') throw await upstreamError(answer, model);
    logger.warn({ model, status: answer.status, next: models[index + 1] }, 'Model unreachable, trying the next');
    answer.body.destroy();
  }
  throw new Error('there is no model to ask');
}

const outcomeOf = (status: number): 'answered' | 'unreachable' | 'refused' => {
  if (status >= 200 && status < 300) return 'answered';
  return unreachableStatuses.includes(status) ? 'unreachable' : 'refused';
};
