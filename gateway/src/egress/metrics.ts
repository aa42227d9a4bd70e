import { Counter, Gauge, Histogram, requestDurations, type Registry } from '@cloister/telemetry';

export interface EgressMetrics {
  readonly durations: Histogram<'method' | 'route' | 'status'>;
  readonly tokenUsage: Histogram<'gen_ai_operation_name' | 'gen_ai_provider_name' | 'gen_ai_request_model' | 'gen_ai_token_type'>;
  readonly operationDuration: Histogram<'gen_ai_operation_name' | 'gen_ai_provider_name' | 'gen_ai_request_model' | 'error_type'>;
  readonly attempts: Counter<'provider' | 'outcome'>;
  readonly spent: Counter<'tenant'>;
  readonly tokens: Counter<'tenant' | 'type'>;
  readonly tokenParts: Counter<'tenant' | 'type'>;
  readonly refused: Counter<'tenant' | 'code'>;
  readonly downgraded: Counter<'tenant'>;
  readonly throttled: Counter<'tenant'>;
  readonly cacheLookups: Counter<'tenant' | 'outcome'>;
  readonly reservations: Counter<'from'>;
  readonly ledgerDurations: Histogram;
  readonly forfeitedLeases: Counter;
  readonly forfeited: Counter;
}

/** What is looked up when the metrics are read. */
export interface BudgetInHand {
  readonly unreported: number;
  readonly leases: number;
}

export interface ProvidersInUse {
  readonly openCircuits: number;
  /** Calls by provider. */
  readonly inProgress: ReadonlyMap<string, number>;
}

/**
 * Names of the OpenTelemetry conventions for generative AI, written as Prometheus does. Those histograms carry no tenant (a thousand
 * tenants would make a hundred thousand series); what is counted per tenant has one series each.
 */
export function egressMetrics(registry: Registry, inHand: () => BudgetInHand, gates: ProvidersInUse): EgressMetrics {
  const registers = [registry];
  new Gauge({
    name: 'cloister_budget_unsettled_calls',
    help: 'Calls that have ended and whose cost the ledger has not confirmed yet',
    registers,
    collect() {
      this.set(inHand().unreported);
    },
  });
  new Gauge({
    name: 'cloister_budget_leases',
    help: 'Tenants of whose budget this replica holds a part',
    registers,
    collect() {
      this.set(inHand().leases);
    },
  });
  ofProviders(registers, gates);
  return { durations: requestDurations(registry), ...genAI(registers), ...perTenant(registers), ...ofLeases(registers) };
}

function ofProviders(registers: Registry[], gates: ProvidersInUse): void {
  new Gauge({
    name: 'cloister_egress_open_circuits',
    help: 'Providers, and tenants with a provider, that are left alone after failures in a row',
    registers,
    collect() {
      this.set(gates.openCircuits);
    },
  });
  new Gauge({
    name: 'cloister_egress_calls_in_progress',
    help: 'Calls in progress with each provider',
    labelNames: ['provider'] as const,
    registers,
    collect() {
      this.reset();
      for (const [provider, calls] of gates.inProgress) this.set({ provider }, calls);
    },
  });
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
  attempts: new Counter({
    name: 'cloister_egress_attempts_total',
    help: 'Attempts at calls by provider; outcome is answered, or the code of what went wrong',
    labelNames: ['provider', 'outcome'] as const,
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
  tokenParts: new Counter({
    name: 'cloister_budget_token_parts_total',
    help: 'Of those tokens, what providers told apart; type is cached or cache_write (of the input) or reasoning (of the output)',
    labelNames: ['tenant', 'type'] as const,
    registers,
  }),
  refused: new Counter({
    name: 'cloister_budget_refused_total',
    help: 'Calls refused by the budget, by the code of the error',
    labelNames: ['tenant', 'code'] as const,
    registers,
  }),
  downgraded: new Counter({
    name: 'cloister_budget_downgraded_total',
    help: 'Calls that went to a cheaper model because a budget was used up to its soft limit',
    labelNames: ['tenant'] as const,
    registers,
  }),
  throttled: new Counter({
    name: 'cloister_budget_throttled_total',
    help: 'Calls that were held back because a budget was used up to its soft limit, whether or not they went on',
    labelNames: ['tenant'] as const,
    registers,
  }),
  cacheLookups: new Counter({
    name: 'cloister_cache_lookups_total',
    help: 'Calls of agents that want answers to be given again; outcome is hit, miss, or away where that could not be known',
    labelNames: ['tenant', 'outcome'] as const,
    registers,
  }),
});

const ofLeases = (registers: Registry[]) => ({
  reservations: new Counter({
    name: 'cloister_budget_reservations_total',
    help: 'Calls of tenants with limits, by whether memory was enough or the ledger had to be asked',
    labelNames: ['from'] as const,
    registers,
  }),
  ledgerDurations: new Histogram({
    name: 'cloister_budget_ledger_duration_seconds',
    help: 'Time of an exchange with the ledger, in seconds',
    buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers,
  }),
  forfeitedLeases: new Counter({
    name: 'cloister_budget_forfeited_leases_total',
    help: 'Leases of replicas that fell silent, which this replica found and counted as spent',
    registers,
  }),
  forfeited: new Counter({
    name: 'cloister_budget_forfeited_micro_usd_total',
    help: 'Money in those leases in micro-dollars; of a replica that speaks again it comes back',
    registers,
  }),
});
