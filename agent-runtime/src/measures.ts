import { Counter, createRegistry, requestDurations, type Histogram, type Registry } from '@cloister/telemetry';

export interface Measures {
  readonly registry: Registry;
  readonly requests: Histogram<'method' | 'route' | 'status'>;
  readonly modelCalls: Counter<'model' | 'outcome'>;
}

/** Every series carries the labels `tenant` and `agent`, so that dashboards need no join with the pod's labels. */
export function createMeasures(tenant: string, agent: string): Measures {
  const registry = createRegistry();
  registry.setDefaultLabels({ tenant, agent });
  return {
    registry,
    requests: requestDurations(registry),
    modelCalls: new Counter({
      name: 'cloister_agent_model_calls_total',
      help: 'Calls of a model by outcome: answered, unreachable (the next fallback was tried) or refused',
      labelNames: ['model', 'outcome'],
      registers: [registry],
    }),
  };
}
