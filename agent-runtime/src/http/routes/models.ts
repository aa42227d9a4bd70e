import type { AgentDocument } from '@cloister/tenancy';
import type { RequestHandler } from 'express';
import { offeredModels } from '../../agent/models.ts';
import { fail } from '../../errors.ts';

interface Model {
  readonly id: string;
  readonly object: 'model';
  /** Clients expect a number; nobody knows when a model was made, and a made-up time would differ between replicas. */
  readonly created: 0;
  readonly owned_by: string;
}

const modelsOf = (document: AgentDocument): Model[] =>
  [document.agent, ...offeredModels(document)].map((id) => ({ id, object: 'model', created: 0, owned_by: document.tenant }));

/** `GET /v1/models`: the agent under its own name, then every model that a request may name instead. */
export const listModels =
  (document: AgentDocument): RequestHandler =>
  (_request, response) => {
    response.json({ object: 'list', data: modelsOf(document) });
  };

/** `GET /v1/models/{model}`, with the slash of the model's name escaped or not. */
export const retrieveModel =
  (document: AgentDocument): RequestHandler<{ model: string[] }> =>
  (request, response) => {
    const wanted = request.params.model.join('/');
    const model = modelsOf(document).find(({ id }) => id === wanted);
    if (!model) throw fail('model_not_found', { param: 'model', values: { model: wanted } });
    response.json(model);
  };
