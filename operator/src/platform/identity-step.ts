/**
 * The rules by which edge's identity is replaced, so that no pod ever meets a key that it does not trust:
 *
 * the next key is made, and all tenants get its public half beside the current one → when each has had both for as long as kubelets take,
 * edge gets the next one → when edge has had that for as long as kubelets take, and the last token of the old one has expired, agents forget that
 * → when its last voucher has expired, egress does. Egress mounts the public keys where they are made, so it has them when tenants get them, or before.
 *
 * Pure: a crash between two steps changes nothing, since the step that comes next follows from what is found.
 */
import { callerTokenSeconds } from '@cloister/identity';
import { voucherSeconds, type EdgeKey } from '@cloister/tenancy';
import { isDue, type Due } from '../rotation/due.ts';
import { publicOf, type Identity } from './identity-secret.ts';

/** By how much clocks may differ; agents and egress allow five seconds. */
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
  const { current, next, trusted, former } = identity;
  // First, since a rotation may wait for long, such as for a tenant whose namespace does not go.
  const believed = former.filter(({ vouchersUntil }) => vouchersUntil > now);
  if (believed.length < former.length) return write({ ...identity, former: believed }, 'Egress believes the old key no more');
  const needed = [current, ...(next ? [next] : [])].map(({ jwk }) => publicOf(jwk));
  const missing = needed.filter((key) => !trusted.some(({ kid, x }) => kid === key.kid && x === key.x));
  if (missing.length > 0)
    return write(
      { ...identity, trusted: [...without(trusted, missing), ...missing], former: without(former, missing) },
      'A key that edge uses is to be trusted again',
    );
  if (next) {
    if (!publishedSince) return wait('every tenant to have the next key');
    const settled = later(latest(publishedSince, next.madeAt), settleSeconds);
    if (now < settled) return wait("every agent's pod to have the next key", settled);
    return write({ current: { ...next, madeAt: now }, next: undefined, trusted, former }, 'Edge signs with the next key');
  }
  if (trusted.length > needed.length) {
    const expired = later(current.madeAt, settleSeconds + callerTokenSeconds + clockToleranceSeconds);
    if (now < expired) return wait('the last token of the old key to expire', expired);
    const vouchersUntil = later(current.madeAt, settleSeconds + voucherSeconds + clockToleranceSeconds);
    const ended = without(trusted, needed).map((key) => ({ ...key, vouchersUntil }));
    return write({ ...identity, trusted: needed, former: [...without(former, ended), ...ended] }, 'Agents trust the old key no more');
  }
  if (isDue(current, due, now)) return { does: 'make the next key' };
  if (former.length === 0) return { does: 'nothing' };
  const first = Math.min(...former.map(({ vouchersUntil }) => vouchersUntil.getTime()));
  return wait('the last voucher of the old key to expire', new Date(first));
}

const write = (identity: Identity, message: string): Step => ({ does: 'write', identity, message });
const wait = (waitingFor: string, until?: Date): Step => ({ does: 'wait', waitingFor, until });
const without = <K extends EdgeKey>(keys: readonly K[], others: readonly EdgeKey[]): K[] =>
  keys.filter(({ kid }) => !others.some((other) => other.kid === kid));
const later = (date: Date, seconds: number): Date => new Date(date.getTime() + seconds * 1000);
const latest = (one: Date, other: Date): Date => (one > other ? one : other);
