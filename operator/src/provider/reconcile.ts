import type { Informer, ReconcileContext } from 'kube-runtime';
import { modelProviderSpec } from '../api/model-provider.ts';
import type { ModelProvider, Secret } from '../kinds.ts';
import type { Configuration } from '../settings.ts';
import { announcements } from '../status/announce.ts';
import { judge } from '../status/conditions.ts';
import { blocking, type Finding } from '../status/finding.ts';
import { refusalOf, type Refusal } from '../status/refusal.ts';
import { providerChild } from './document.ts';

const judged = ['SpecValid', 'CredentialsReady', 'DocumentWritten'] as const;
type ProviderFinding = Finding<(typeof judged)[number]>;

export interface ProviderParts {
  readonly configuration: Configuration;
  /** Names of the Secrets in the providers' namespace. Their values never come here. */
  readonly credentials: Informer<Secret>;
}

/** Keeps the provider's document for egress, and tells whether its credentials are there. */
export async function reconcileProvider(context: ReconcileContext<ModelProvider>, parts: ProviderParts): Promise<void> {
  const { object: provider } = context;
  const parsed = modelProviderSpec.safeParse(provider.spec);
  const { findings, refusal } = await bringAbout(context, parsed, parts);
  const models = (parsed.data?.models.length ?? 0) + (parsed.data?.embeddingModels?.length ?? 0);
  const conditions = judge({
    object: provider,
    previous: provider.status?.conditions,
    findings,
    parts: judged,
    unseen: blocking(findings) ? judged : [],
    good: { Ready: { reason: 'Ready', message: `${models} models on offer` } },
    now: new Date(),
  });
  await context.updateStatus({ observedGeneration: provider.metadata.generation, models, conditions });
  for (const note of announcements(provider.status?.conditions, conditions)) context.record(note);
  if (refusal) throw refusal.error;
}

interface Outcome {
  readonly findings: readonly ProviderFinding[];
  readonly refusal?: Refusal | undefined;
}

async function bringAbout(
  context: ReconcileContext<ModelProvider>,
  parsed: ReturnType<typeof modelProviderSpec.safeParse>,
  { configuration, credentials }: ProviderParts,
): Promise<Outcome> {
  if (context.object.metadata.deletionTimestamp)
    return { findings: [{ condition: 'DocumentWritten', reason: 'Deleting', message: 'the provider is being deleted', blocks: true }] };
  if (!parsed.success) {
    const message = parsed.error.issues.map((issue) => `spec.${issue.path.join('.')}: ${issue.message}`).join('; ');
    return { findings: [{ condition: 'SpecValid', reason: 'InvalidSpec', message, blocks: true }] };
  }
  const { kind, desired } = providerChild(context.name, parsed.data, configuration.systemNamespace);
  const refusal = await context.apply(kind, desired).then(
    () => undefined,
    (error: unknown) => refusalOf(error, 'the document for egress'),
  );
  const secret = parsed.data.credentials?.secretRef.name;
  const namespace = configuration.providersNamespace;
  return {
    refusal,
    findings: [
      ...(refusal ? [{ condition: 'DocumentWritten', reason: refusal.reason, message: refusal.message, blocks: false } as const] : []),
      ...(secret !== undefined && !credentials.get({ namespace, name: secret }) ? [missing(secret, namespace)] : []),
    ],
  };
}

const missing = (secret: string, namespace: string): ProviderFinding => ({
  condition: 'CredentialsReady',
  reason: 'SecretMissing',
  message: `spec.credentials.secretRef names Secret "${secret}" in namespace "${namespace}", which does not exist; create it`,
  blocks: false,
});
