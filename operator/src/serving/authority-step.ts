/**
 * The rules by which one authority follows another, so that edge never meets a certificate whose signer it does not trust:
 *
 * the next one is made and trusted → when all of edge have known it for as long as kubelets take, it signs, and every tenant gets a certificate
 * of it → when all agents have had theirs for as long as kubelets take, the one before is trusted no more.
 *
 * Pure: a crash between two steps changes nothing, since the step that comes next follows from what is found.
 */
import { readCertificate } from '@cloister/certificates';
import { isDue, type Due } from '../rotation/due.ts';
import type { Authorities, Authority } from './authority-secret.ts';
import { isEnding } from './ending.ts';

export interface Seen {
  readonly authorities: Authorities;
  /** Those that edge was told of at last, which outlive the Secret. */
  readonly published: readonly string[];
  /** Since when edge is told of exactly the trusted ones; undefined: it is not yet. */
  readonly publishedSince: Date | undefined;
  /** Since when every tenant has a certificate of the signer; undefined: not all do. */
  readonly followedSince: () => Date | undefined;
  readonly due: Due;
  readonly settleSeconds: number;
  readonly now: Date;
}

export type Step =
  | { readonly does: 'nothing' }
  | { readonly does: 'make the first' | 'make the next'; readonly trusted: readonly string[] }
  | { readonly does: 'wait'; readonly waitingFor: string; readonly until: Date | undefined }
  | { readonly does: 'write'; readonly authorities: Authorities; readonly message: string };

export function stepOf(seen: Seen): Step {
  const { signer, next, trusted } = seen.authorities;
  if (!signer && !next) return begin(seen);
  const needed = [signer, next].flatMap((one) => one?.pair.certificate ?? []);
  const missing = needed.filter((one) => !trusted.includes(one));
  if (missing.length > 0)
    return write({ ...seen.authorities, trusted: [...trusted, ...missing] }, 'An authority that signs is to be trusted again');
  if (next) return succeed(next, seen);
  if (trusted.length > needed.length) return forget(needed, seen);
  return signer && isToBeReplaced(signer, seen) ? { does: 'make the next', trusted } : { does: 'nothing' };
}

/** Certificates of a signer that was lost go on being trusted, and agents go on showing them until edge knows another. */
function begin({ authorities, published }: Seen): Step {
  const known = [...new Set([...authorities.trusted, ...published])];
  return { does: known.length === 0 ? 'make the first' : 'make the next', trusted: known };
}

function succeed(next: Authority, { authorities: { trusted }, publishedSince, settleSeconds, now }: Seen): Step {
  if (!publishedSince) return wait('edge to be told of the next authority');
  const settled = later(latest(publishedSince, next.madeAt), settleSeconds);
  if (now < settled) return wait('all of edge to know the next authority', settled);
  return write({ signer: { ...next, madeAt: now }, next: undefined, trusted }, 'The next authority signs');
}

function forget(needed: readonly string[], { authorities, followedSince, settleSeconds, now }: Seen): Step {
  const since = followedSince();
  if (!since) return wait('every tenant to have a certificate of the new authority');
  const settled = later(latest(since, authorities.signer?.madeAt ?? since), settleSeconds);
  if (now < settled) return wait('every agent to have taken its certificate', settled);
  return write({ ...authorities, trusted: needed }, 'The authority before is trusted no more');
}

function isToBeReplaced(signer: Authority, { due, now }: Seen): boolean {
  const certificate = readCertificate(signer.pair.certificate);
  return isDue(signer, due, now) || !certificate || isEnding(certificate, now);
}

const write = (authorities: Authorities, message: string): Step => ({ does: 'write', authorities, message });
const wait = (waitingFor: string, until?: Date): Step => ({ does: 'wait', waitingFor, until });
const later = (date: Date, seconds: number): Date => new Date(date.getTime() + seconds * 1000);
const latest = (one: Date, other: Date): Date => (one > other ? one : other);
