/** Egress as a server, from its parts. Knows no cluster: production, tests and benchmarks give it their directories and ledger. */
import type { Logger, Registry } from '@cloister/telemetry';
import type { Credentials, Policies, Providers } from '../directory/directory.ts';
import { application } from '../server/application.ts';
import { serve, type Running } from '../server/serve.ts';
import { budget } from './budget/budget.ts';
import { keepFolding } from './budget/keep-folding.ts';
import type { Ledger } from './budget/ledger.ts';
import { SettleQueue } from './budget/settle-queue.ts';
import { egressHandler } from './handler.ts';
import { egressMetrics } from './metrics.ts';
import type { VerifyPod } from './pods/pod-token.ts';
import { offline } from './providers/offline/offline.ts';
import { openAICompatible, type OpenAIOptions } from './providers/openai/openai.ts';

export interface EgressOptions {
  readonly port: number;
  readonly policies: Policies;
  readonly providers: Providers;
  readonly credentials: Credentials;
  readonly verifyPod: VerifyPod;
  readonly ledger: Ledger;
  readonly maxBodyBytes: number;
  readonly drainSeconds: number;
  readonly ready: () => boolean;
  readonly registry: Registry;
  readonly log: Logger;
  readonly openAI?: OpenAIOptions;
}

export async function startEgress(options: EgressOptions): Promise<Running> {
  const { ledger, registry, log } = options;
  const queue = new SettleQueue(ledger, log);
  const metrics = egressMetrics(registry, () => queue.size);
  const openAI = openAICompatible(options.openAI);
  const stopFolding = keepFolding(ledger, log, (calls) => metrics.folded.inc(calls));
  const handler = egressHandler({
    ...options,
    metrics,
    budget: budget(ledger, queue),
    providerFor: ({ provider }) => (provider.type === 'Offline' ? offline : openAI),
  });
  const running = await serve({ ...options, handler: application(handler, log) });
  const drain = async () => {
    await running.drain();
    await queue.flushed();
    stopFolding();
    await openAI.close();
  };
  return { ...running, drain };
}
