/** Egress as a server, from its parts. Knows no cluster: production, tests and benchmarks give it their directories and ledger. */
import type { Logger, Registry } from '@cloister/telemetry';
import type { Credentials, Policies, Providers, TenantKeys } from '../directory/directory.ts';
import { application } from '../server/application.ts';
import { serve, type Running } from '../server/serve.ts';
import type { Tracing } from '../tracing/tracing.ts';
import type { VerifyVoucher } from '../voucher/verify-voucher.ts';
import type { Administration } from './audit/administration/administration.ts';
import { lostRecords, measureUnwritten } from './audit/metrics.ts';
import type { AuditStore } from './audit/store.ts';
import { AuditTrail } from './audit/trail.ts';
import { AnswerCache } from './cache/answer-cache.ts';
import type { CacheStore } from './cache/cache-store.ts';
import { LeasedBudget } from './budget/budget.ts';
import { keepExpiring } from './budget/keep-expiring.ts';
import type { Ledger } from './budget/ledger.ts';
import { Throttle } from './chat/throttle.ts';
import { egressHandler } from './handler.ts';
import { egressMetrics } from './metrics.ts';
import type { VerifyPod } from './pods/pod-token.ts';
import { Gates } from './providers/gates.ts';
import { gemini } from './providers/gemini/gemini.ts';
import { anthropic } from './providers/anthropic/anthropic.ts';
import { azureOpenAI } from './providers/azure/azure.ts';
import { Proxy, type ProxyOptions } from './proxy/proxy.ts';
import { offline } from './providers/offline/offline.ts';
import { openAICompatible, type OpenAIOptions } from './providers/openai/openai.ts';
import type { ReadEveryUsage } from './usage/every-books.ts';
import type { ReadUsage } from './usage/usage-books.ts';

export interface EgressOptions {
  readonly port: number;
  readonly policies: Policies;
  readonly providers: Providers;
  readonly credentials: Credentials;
  readonly ownKeys: TenantKeys;
  readonly verifyPod: VerifyPod;
  /** By edge's keys, which may change at any time. */
  readonly verifyVoucher: VerifyVoucher;
  readonly ledger: Ledger;
  readonly auditStore: AuditStore;
  /** Closed by who made it. */
  readonly administration: Administration;
  readonly readUsage: ReadUsage;
  readonly readEveryUsage: ReadEveryUsage;
  readonly cacheStore: CacheStore;
  /** Where edge and the operator run. */
  readonly systemNamespace: string;
  readonly maxBodyBytes: number;
  readonly drainSeconds: number;
  readonly ready: () => boolean;
  readonly registry: Registry;
  readonly log: Logger;
  /** Closed by who made it. */
  readonly tracing?: Tracing | undefined;
  readonly untakenTimeoutMs?: number;
  /** As of {@link LeasedBudget}. */
  readonly keptForMs?: number;
  readonly openAI?: OpenAIOptions;
  readonly proxy?: ProxyOptions;
}

export async function startEgress(options: EgressOptions): Promise<Running> {
  const { ledger, registry, log } = options;
  const gates = new Gates();
  const metrics = egressMetrics(registry, () => budget, gates);
  const lost = lostRecords(registry);
  const audit = new AuditTrail(options.auditStore, { log, lost: (records) => lost.inc(records) });
  measureUnwritten(registry, () => audit.unwritten);
  const budget = new LeasedBudget(ledger, {
    log,
    keptForMs: options.keptForMs,
    reserved: (from) => metrics.reservations.inc({ from }),
    answered: (seconds) => metrics.ledgerDurations.observe(seconds),
  });
  const openAI = openAICompatible(options.openAI);
  const others = {
    AzureOpenAI: openAICompatible(options.openAI, azureOpenAI),
    Anthropic: anthropic(options.openAI),
    Gemini: openAICompatible(options.openAI, gemini),
    Bedrock: openAICompatible(options.openAI),
  };
  const providers = { Offline: offline, OpenAI: openAI, OpenAICompatible: openAI, ...others };
  const stopExpiring = keepExpiring(ledger, log, ({ leases, microUsd }) => {
    metrics.forfeitedLeases.inc(leases);
    metrics.forfeited.inc(Number(microUsd));
  });
  const handler = egressHandler({
    ...options,
    metrics,
    budget,
    audit,
    gates,
    throttle: new Throttle(),
    answers: new AnswerCache(options.cacheStore, log),
    providerFor: ({ provider }) => providers[provider.type],
  });
  const proxy = new Proxy({ ...options, audit }, options.proxy);
  const connect = (...socket: Parameters<Proxy['connect']>) => void proxy.connect(...socket);
  const running = await serve({ ...options, handler: application(handler, log), connect });
  const drain = async () => {
    const drained = running.drain();
    await proxy.drain(options.drainSeconds);
    await drained;
    await budget.close();
    await audit.close();
    stopExpiring();
    await Promise.all([openAI, ...Object.values(others)].map((provider) => provider.close()));
  };
  return { ...running, drain };
}
