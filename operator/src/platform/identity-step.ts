/**
 * The rules by which edge's identity is replaced, so that no pod ever meets a key that it does not trust:
 *
 * the next key is made, and all tenants get its public half beside the current one → when each has had both for as long as kubelets take,
 * edge gets the next one → when edge has had that for as long as kubelets take, and the last token of the old one has expired, that is forgotten.
 * Egress mounts the public keys where they are made, so it has them when tenants get them, or before.
 *
 * Pure: a crash between two steps changes nothing, since the step that comes next follows from what is found.
 */
import { callerTokenSeconds } from '@cloister/identity';
import type { EdgeKey } from '@cloister/tenancy';
import { isDue, type Due } from '../rotation/due.ts';
import { publicOf, type Identity } from './identity-secret.ts';

/** By how much clocks may differ; agents allow five seconds. */
const clockToleranceSeconds = 5;

export interface Seen {
  readonly identity: Identity;
  /** Since when every tenant's ConfigMap holds exactly the trusted keys; undefined: not all do. */
  readonly publishedSince: Date | undefined;
  readonly due: Due;
  readonly settleSeconds: number;
  readonly now: Date;
}

export type Step =
  | { readonly does: 'nothing' }
  | { readonly does: 'make the next key' }
  | { readonly does: 'wait'; readonly waitingFor: string; readonly until: Date | undefined }
  | { readonly does: 'write'; readonly identity: Identity; readonly message: string };

export function stepOf({ identity, publishedSince, due, settleSeconds, now }: Seen): Step {
  const { current, next, trusted } = identity;
  const needed = [current, ...(next ? [next] : [])].map(({ jwk }) => publicOf(jwk));
  const missing = needed.filter((key) => !trusted.some(({ kid, x }) => kid === key.kid && x === key.x));
  if (missing.length > 0)
    return write({ ...identity, trusted: [...without(trusted, missing), ...missing] }, 'A key that edge uses is to be trusted again');
  if (next) {
    if (!publishedSince) return wait('every tenant to have the next key');
    const settled = later(latest(publishedSince, next.madeAt), settleSeconds);
    if (now < settled) return wait("every agent's pod to have the next key", settled);
    return write({ current: { ...next, madeAt: now }, next: undefined, trusted }, 'Edge signs with the next key');
  }
  if (trusted.length > needed.length) {
    const expired = later(current.madeAt, settleSeconds + callerTokenSeconds + clockToleranceSeconds);
    if (now < expired) return wait('the last token of the old key to expire', expired);
    return write({ ...identity, trusted: needed }, 'The old key is trusted no more');
  }
  return { does: isDue(current, due, now) ? 'make the next key' : 'nothing' };
}

const write = (identity: Identity, message: string): Step => ({ does: 'write', identity, message });
const wait = (waitingFor: string, until?: Date): Step => ({ does: 'wait', waitingFor, until });
const without = (keys: readonly EdgeKey[], others: readonly EdgeKey[]) =>
  keys.filter(({ kid }) => !others.some((other) => other.kid === kid));
const later = (date: Date, seconds: number): Date => new Date(date.getTime() + seconds * 1000);
const latest = (one: Date, other: Date): Date => (one > other ? one : other);
