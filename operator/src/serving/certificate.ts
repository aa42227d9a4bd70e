/** The certificate that a tenant's agents show to edge: the one that is there, or another where that has to be replaced. */
import { certificatesIn, makeServerCertificate, readCertificate, readPair, textOf, type KeyPair } from '@cloister/certificates';
import { agentHost, agentHostsOf, servingKey } from '@cloister/tenancy';
import { createPublicKey, type KeyObject, type X509Certificate } from 'node:crypto';
import { fromBase64, versionOf } from '../child.ts';
import type { Secret } from '../kinds.ts';
import { remembered } from '../remembered.ts';
import { madeAtOf, requestOf } from '../rotation/credential.ts';
import { isDue, type Due } from '../rotation/due.ts';
import { isEnding } from './ending.ts';

export interface ServingCertificate {
  /** Certificate and key. */
  readonly text: string;
  readonly madeAt: Date;
  readonly request: string | undefined;
  /** The version of the Secret that was seen, or `absent`. */
  readonly basedOn: string;
  /** It takes the place of another. */
  readonly replaces: boolean;
}

export interface Wanted {
  readonly tenant: string;
  /** As it was seen. */
  readonly secret: Secret | undefined;
  /** Undefined while there is none: what is there stays. A cache has it, which may be behind. */
  readonly signer: KeyPair | undefined;
  /** Who signs now, on the word of the API server. Asked before one is made: who signs no more may be trusted no more. */
  readonly signsNow: () => Promise<KeyPair | undefined>;
  readonly due: Due;
  readonly now: Date;
}

/** Replaced by age at the latest when two thirds of this are over. */
const lifetimeDays = 90;

/** Undefined where there is none, and nobody who could sign one. */
export async function servingCertificate(wanted: Wanted): Promise<ServingCertificate | undefined> {
  const { tenant, secret, signer, due, now } = wanted;
  const kept = keptBy(wanted, signer);
  if (kept || !signer) return kept;
  const signing = await wanted.signsNow();
  const keptNow = keptBy(wanted, signing);
  if (keptNow || !signing) return keptNow;
  const pair = await makeServerCertificate([agentHostsOf(tenant)], { from: now, days: lifetimeDays }, signing);
  return { text: textOf(pair), madeAt: now, request: due.request, basedOn: versionOf(secret), replaces: secret !== undefined };
}

/** The one that is there, if it need not be replaced. */
function keptBy({ tenant, secret, due, now }: Wanted, signer: KeyPair | undefined): ServingCertificate | undefined {
  const there = secret && pairIn(secret);
  if (!secret || !there) return undefined;
  const made = { madeAt: madeAtOf(secret), request: requestOf(secret) };
  const stays = !signer || (isGood(there, { tenant, signer, now }) && !isDue(made, due, now));
  return stays ? { text: textOf(there), ...made, basedOn: versionOf(secret), replaces: false } : undefined;
}

/** Of a Secret, whatever else it holds. */
export const certificateIn = (secret: Secret): X509Certificate | undefined => readCertificate(certificatesIn(textIn(secret))[0]);

const pairIn = remembered((secret: Secret) => readPair(textIn(secret)));
const certificateOf = remembered(({ certificate }: KeyPair) => readCertificate(certificate));

const textIn = ({ data }: Secret): string | undefined => fromBase64(data?.[servingKey]);

const publicKeyOf = remembered((signer: KeyPair): KeyObject => createPublicKey(signer.certificate));

/** For this tenant's agents, by this signer, and for a good while yet. */
function isGood(pair: KeyPair, { tenant, signer, now }: { tenant: string; signer: KeyPair; now: Date }): boolean {
  const read = certificateOf(pair);
  return (
    read !== undefined && read.verify(publicKeyOf(signer)) && read.checkHost(agentHost(tenant, 'any')) !== undefined && !isEnding(read, now)
  );
}
