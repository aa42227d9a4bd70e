/**
 * Makes edge's identity, and replaces it by age and on demand: one step of {@link stepOf} a run.
 *
 * Guarantees: the Secret is read live and written only in the version that was read, so that no key that is in use is ever lost to an operator that
 * is behind; no write but the four of a rotation.
 */
import { annotations, systemSecrets } from '@cloister/tenancy';
import type { ReconcileContext } from 'kube-runtime';
import type { Caches } from '../caches.ts';
import { secrets, type Namespace, type Secret } from '../kinds.ts';
import { writeStep } from '../rotation/successor.ts';
import type { Configuration } from '../settings.ts';
import { contentOf, identityIn, newKey, nothingLeft, publicOf, type Identity } from './identity-secret.ts';
import { stepOf } from './identity-step.ts';
import { publishedSince } from './published.ts';

type Context = ReconcileContext<Namespace>;

const secretName = systemSecrets.edgeIdentity;
/** While tenants are given new keys, which takes moments. */
const publicationLookMs = 2_000;

/** Returns in how many milliseconds the next step may be due; undefined where none is under way. */
export async function provideIdentity(
  context: Context,
  { caches, configuration: { rotation } }: { readonly caches: Caches; readonly configuration: Configuration },
): Promise<number | undefined> {
  const { cluster, name: namespace, signal, log } = context;
  const secret = await cluster.get(secrets, { namespace, name: secretName }, { signal });
  const identity = identityIn(secret);
  const now = new Date();
  const request = secret?.metadata.annotations?.[annotations.rotate];
  if (!secret || !identity) {
    const current = await newKey(now, request);
    await write(context, secret, { current, next: undefined, trusted: [publicOf(current.jwk)], former: [] }, "Made edge's identity");
    return undefined;
  }
  const step = stepOf({
    identity,
    publishedSince: publishedSince(identity.trusted, caches),
    due: { maxAgeDays: rotation.identityDays, holder: secretName, request },
    settleSeconds: rotation.settleSeconds,
    now,
  });
  switch (step.does) {
    case 'nothing':
      return undefined;
    case 'wait':
      log.debug({ waitingFor: step.waitingFor }, "Edge's identity is being replaced");
      return step.until ? Math.max(0, step.until.getTime() - Date.now()) : publicationLookMs;
    case 'make the next key': {
      const next = await newKey(now, request);
      const trusted = [...identity.trusted, publicOf(next.jwk)];
      await write(context, secret, { ...identity, next, trusted }, "The next key of edge's identity is made");
      return publicationLookMs;
    }
    case 'write':
      await write(context, secret, step.identity, step.message);
      return publicationLookMs;
  }
}

async function write(context: Context, secret: Secret | undefined, identity: Identity, message: string): Promise<void> {
  if (!(await writeStep(context, secretName, secret, { content: contentOf(identity), emptied: nothingLeft }))) return;
  context.log.info({ kid: identity.current.jwk.kid, trusted: identity.trusted.map(({ kid }) => kid) }, message);
}
