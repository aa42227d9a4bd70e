import { Counter, Gauge, Histogram, requestDurations, type Registry } from '@cloister/telemetry';

export interface EgressMetrics {
  readonly durations: Histogram<'method' | 'route' | 'status'>;
  readonly tokenUsage: Histogram<'gen_ai_operation_name' | 'gen_ai_provider_name' | 'gen_ai_request_model' | 'gen_ai_token_type'>;
  readonly operationDuration: Histogram<'gen_ai_operation_name' | 'gen_ai_provider_name' | 'gen_ai_request_model' | 'error_type'>;
  readonly spent: Counter<'tenant'>;
  readonly tokens: Counter<'tenant' | 'type'>;
  readonly refused: Counter<'tenant' | 'code'>;
  readonly folded: Counter;
}

/**
 * Names of the OpenTelemetry conventions for generative AI, written as Prometheus does. Those histograms carry no tenant (a thousand
 * tenants would make a hundred thousand series); what is counted per tenant has one series each.
 */
export function egressMetrics(registry: Registry, unsettled: () => number): EgressMetrics {
  const registers = [registry];
  new Gauge({
    name: 'cloister_budget_unsettled_calls',
    help: 'Calls that have ended and whose cost the ledger has not taken yet',
    registers,
    collect() {
      this.set(unsettled());
    },
  });
  return { durations: requestDurations(registry), ...genAI(registers), ...perTenant(registers) };
}

const genAI = (registers: Registry[]) => ({
  tokenUsage: new Histogram({
    name: 'gen_ai_client_token_usage',
    help: 'Tokens of a call, by direction',
    labelNames: ['gen_ai_operation_name', 'gen_ai_provider_name', 'gen_ai_request_model', 'gen_ai_token_type'] as const,
    buckets: [1, 4, 16, 64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304],
    registers,
  }),
  operationDuration: new Histogram({
    name: 'gen_ai_client_operation_duration_seconds',
    help: 'Time of a call to a provider, until its answer was complete, in seconds',
    labelNames: ['gen_ai_operation_name', 'gen_ai_provider_name', 'gen_ai_request_model', 'error_type'] as const,
    buckets: [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92],
    registers,
  }),
});

const perTenant = (registers: Registry[]) => ({
  spent: new Counter({
    name: 'cloister_budget_spent_micro_usd_total',
    help: 'Cost of calls in micro-dollars',
    labelNames: ['tenant'] as const,
    registers,
  }),
  tokens: new Counter({
    name: 'cloister_budget_tokens_total',
    help: 'Tokens of calls; type is input or output',
    labelNames: ['tenant', 'type'] as const,
    registers,
  }),
  refused: new Counter({
    name: 'cloister_budget_refused_total',
    help: 'Calls refused by the budget, by the code of the error',
    labelNames: ['tenant', 'code'] as const,
    registers,
  }),
  folded: new Counter({
    name: 'cloister_budget_folded_total',
    help: 'Calls of gateways that died, which were counted in full',
    registers,
  }),
});
