/**
 * The authorities that vouch for agents towards edge, and how one follows another without a moment in which edge trusts too few. Pure.
 *
 * A life: made → everybody who verifies has learned of it (`settleMs`) → signs → the next one signs → the last certificate that it signed has
 * run out → gone. All of it follows from the dates in the certificates, so a restart or a second replica decides the same.
 */
import { readCertificate, type KeyPair } from './key-pair.ts';

const dayMs = 86_400_000;
const hourMs = 3_600_000;

/** Certificates of servers are good for this long; they are replaced by age long before (see `due.ts` of rotation). */
export const servingLifetimeMs = 90 * dayMs;
/** Longer than two lives of a server's certificate, so that at most two authorities are ever needed at once. */
export const authorityLifetimeMs = 730 * dayMs;
/** By then kubelets have brought a new authority to every replica of edge (they need a minute or two), and edge has read it. */
export const settleMs = 10 * 60_000;

/** Certificates begin this much before they are made, for clocks that are behind ours. */
export const clockSkewMs = hourMs;

export interface Authority extends KeyPair {
  readonly madeAt: Date;
  readonly endsAt: Date;
}

/** Oldest first. What is no certificate, or has run out, is left out. */
export function authoritiesAmong(pairs: readonly KeyPair[], now: Date): Authority[] {
  return pairs
    .flatMap((pair) => {
      const read = readCertificate(pair.certificate);
      return read?.ca ? [{ ...pair, madeAt: new Date(read.validFromDate.getTime() + clockSkewMs), endsAt: read.validToDate }] : [];
    })
    .filter(({ endsAt }) => endsAt > now)
    .sort((a, b) => a.madeAt.getTime() - b.madeAt.getTime());
}

/** Signs for agents: the newest that everybody knows. The very first need not wait, since nobody trusts another. */
export function signerAmong(authorities: readonly Authority[], now: Date): Authority | undefined {
  const settled = authorities.filter(({ madeAt }) => now.getTime() - madeAt.getTime() >= settleMs);
  return settled.at(-1) ?? authorities[0];
}

/** Those that must still be trusted: the signer, its successors, and whoever signed a certificate that is still good. */
export function neededAmong(authorities: readonly Authority[], now: Date): Authority[] {
  const signer = signerAmong(authorities, now);
  if (!signer) return [];
  const since = now.getTime() - signer.madeAt.getTime();
  return authorities.filter(({ madeAt }) => madeAt >= signer.madeAt || since < settleMs + servingLifetimeMs);
}
