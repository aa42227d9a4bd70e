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
  /** Undefined while there is none: what is there stays. */
  readonly signer: KeyPair | undefined;
  readonly due: Due;
  readonly now: Date;
}

/** Replaced by age at the latest when two thirds of this are over. */
const lifetimeDays = 90;

/** Undefined where there is none, and nobody who could sign one. */
export async function servingCertificate({ tenant, secret, signer, due, now }: Wanted): Promise<ServingCertificate | undefined> {
  const there = secret && pairIn(secret);
  const basedOn = versionOf(secret);
  if (secret && there) {
    const made = { madeAt: madeAtOf(secret), request: requestOf(secret) };
    if (!signer || (isGood(there, { tenant, signer, now }) && !isDue(made, due, now)))
      return { text: textOf(there), ...made, basedOn, replaces: false };
  }
  if (!signer) return undefined;
  const pair = await makeServerCertificate([agentHostsOf(tenant)], { from: now, days: lifetimeDays }, signer);
  return { text: textOf(pair), madeAt: now, request: due.request, basedOn, replaces: secret !== undefined };
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
