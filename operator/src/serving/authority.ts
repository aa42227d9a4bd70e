/**
 * Makes the authority that signs agents' certificates, tells edge of it, and replaces it by age and on demand: one step of {@link stepOf} a run.
 *
 * Guarantees: Secret and ConfigMap are read live, and the Secret is written only in the version that was read, so that no two operators ever sign
 * with different keys and none that is trusted is lost.
 */
import { readCertificate } from '@cloister/certificates';
import { annotations, authoritiesKey, labels, systemConfigMaps, systemSecrets, tenantSecrets } from '@cloister/tenancy';
import type { ReconcileContext } from 'kube-runtime';
import type { Caches } from '../caches.ts';
import { configMaps, secrets, type ConfigMap, type Namespace, type Secret } from '../kinds.ts';
import { systemLabels } from '../labels.ts';
import { madeAtOf } from '../rotation/credential.ts';
import { writeStep } from '../rotation/successor.ts';
import type { Configuration } from '../settings.ts';
import { authoritiesIn, contentOf, newAuthority, nothingLeft, trustedIn, type Authorities } from './authority-secret.ts';
import { stepOf, type Step } from './authority-step.ts';
import { certificateIn } from './certificate.ts';

type Context = ReconcileContext<Namespace>;

const secretName = systemSecrets.agentsAuthority;
/** While edge is told, or tenants are given certificates, which takes moments. */
const publicationLookMs = 2_000;

/** Returns in how many milliseconds the next step may be due; undefined where none is under way. */
export async function provideAuthority(
  context: Context,
  { caches, configuration: { rotation } }: { readonly caches: Caches; readonly configuration: Configuration },
): Promise<number | undefined> {
  const { cluster, name: namespace, signal, log } = context;
  const secret = await cluster.get(secrets, { namespace, name: secretName }, { signal });
  const there = await cluster.get(configMaps, { namespace, name: systemConfigMaps.agentsTrust }, { signal });
  const now = new Date();
  const authorities = authoritiesIn(secret, now);
  const published = there?.data?.[authoritiesKey];
  const request = secret?.metadata.annotations?.[annotations.rotate];
  const step = stepOf({
    authorities,
    published: trustedIn(published, now),
    publishedSince: there && published === authorities.trusted.join('') ? since(there) : undefined,
    followedSince: () => followedSince(authorities, caches, now),
    due: { maxAgeDays: rotation.authorityDays, holder: secretName, request },
    settleSeconds: rotation.settleSeconds,
    now,
  });
  if (step.does === 'nothing' || step.does === 'wait') {
    await publish(context, there, authorities);
    if (step.does === 'nothing') return undefined;
    log.debug({ waitingFor: step.waitingFor }, 'The authority of agents is being replaced');
    return step.until ? Math.max(0, step.until.getTime() - Date.now()) : publicationLookMs;
  }
  return advance(context, secret, there, step.does === 'write' ? step : await withAnother(step, authorities, request));
}

async function withAnother(
  { does, trusted }: Exclude<Step, { readonly does: 'nothing' | 'wait' | 'write' }>,
  { signer }: Authorities,
  request: string | undefined,
): Promise<Advance> {
  const made = await newAuthority(new Date(), request);
  const certificates = [...trusted, made.pair.certificate];
  return does === 'make the first'
    ? { authorities: { signer: made, next: undefined, trusted: certificates }, message: 'Made the authority of agents' }
    : { authorities: { signer, next: made, trusted: certificates }, message: 'The next authority of agents is made' };
}

interface Advance {
  readonly authorities: Authorities;
  readonly message: string;
}

async function advance(
  context: Context,
  secret: Secret | undefined,
  there: ConfigMap | undefined,
  { authorities, message }: Advance,
): Promise<number> {
  if (await writeStep(context, secretName, secret, { content: contentOf(authorities), emptied: nothingLeft })) {
    context.log.info({ trusted: authorities.trusted.length }, message);
    await publish(context, there, authorities);
  }
  return publicationLookMs;
}

/** For edge, with the time of the change. */
async function publish(
  { cluster, name: namespace, signal }: Context,
  there: ConfigMap | undefined,
  { trusted }: Authorities,
): Promise<void> {
  const text = trusted.join('');
  if (there?.data?.[authoritiesKey] === text) return;
  const metadata = {
    name: systemConfigMaps.agentsTrust,
    namespace,
    labels: systemLabels,
    annotations: { [annotations.madeAt]: new Date().toISOString() },
  };
  await cluster.apply(configMaps, { metadata, data: { [authoritiesKey]: text } }, { signal });
}

function since({ metadata }: ConfigMap): Date {
  const noted = Date.parse(metadata.annotations?.[annotations.madeAt] ?? '');
  return new Date(Number.isNaN(noted) ? Date.parse(metadata.creationTimestamp ?? '') || 0 : noted);
}

/** A certificate that has run out, and those of a tenant that is being deleted, hold up nobody. */
function followedSince({ signer }: Authorities, { secrets: known, tenants }: Caches, now: Date): Date | undefined {
  const name = readCertificate(signer?.pair.certificate)?.subject;
  let latest = 0;
  for (const secret of known.list()) {
    if (secret.metadata.name !== tenantSecrets.serving) continue;
    if (tenants.get({ name: secret.metadata.labels?.[labels.tenant] ?? '' })?.metadata.deletionTimestamp) continue;
    const certificate = certificateIn(secret);
    if (!certificate || certificate.validToDate <= now) continue;
    if (certificate.issuer !== name) return undefined;
    latest = Math.max(latest, madeAtOf(secret).getTime());
  }
  return new Date(latest);
}
