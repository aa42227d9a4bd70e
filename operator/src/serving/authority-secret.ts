/**
 * What Secret `agents-authority` says: the authority that signs agents' certificates, the one that is to take its place, and the certificates of
 * all whose word counts at the moment. The key of one that signs no more is not kept.
 */
import { certificatesIn, makeAuthority, readCertificate, readPair, textOf, type KeyPair } from '@cloister/certificates';
import { annotations } from '@cloister/tenancy';
import { base64, fromBase64 } from '../child.ts';
import type { Secret } from '../kinds.ts';
import { remembered } from '../remembered.ts';
import { annotationsOf, madeAtOf, requestOf } from '../rotation/credential.ts';
import { nextAnnotationsOf, nextMadeOf, type Content } from '../rotation/successor.ts';

export interface Authority {
  readonly pair: KeyPair;
  /** Of the signer: since when it signs. */
  readonly madeAt: Date;
  /** Text of the request for which it was made; undefined where nobody had asked. */
  readonly request: string | undefined;
}

export interface Authorities {
  /** Undefined where there is none that can sign: at the beginning, and when the Secret was lost. */
  readonly signer: Authority | undefined;
  readonly next: Authority | undefined;
  /** Certificates, for edge. */
  readonly trusted: readonly string[];
}

const signerKey = 'signer.pem';
const nextKey = 'next.pem';
const trustedKey = 'trusted.pem';

/** What has run out counts as gone. */
export function authoritiesIn(secret: Secret | undefined, now: Date): Authorities {
  const next = pairIn(secret, nextKey, now);
  const nextMade = secret && nextMadeOf(secret);
  return {
    signer: signerIn(secret, now),
    next: next && nextMade && { pair: next, ...nextMade },
    trusted: trustedIn(fromBase64(secret?.data?.[trustedKey]), now),
  };
}

export function signerIn(secret: Secret | undefined, now: Date): Authority | undefined {
  const pair = pairIn(secret, signerKey, now);
  return secret && pair && { pair, madeAt: madeAtOf(secret), request: requestOf(secret) };
}

/** Certificates of authorities that are good, in the order of the text. */
export const trustedIn = (text: string | undefined, now: Date): string[] => certificatesIn(text).filter((one) => isAuthority(one, now));

export async function newAuthority(madeAt: Date, request: string | undefined): Promise<Authority> {
  return { pair: await makeAuthority('cloister-agents', { from: madeAt, days: lifetimeDays }), madeAt, request };
}

/** Long beyond the age at which it is replaced, and the certificates that it signs. */
const lifetimeDays = 730;

export const contentOf = ({ signer, next, trusted }: Authorities): Content => ({
  annotations: { ...(signer && annotationsOf(signer)), ...(next && nextAnnotationsOf(next)) },
  data: {
    ...(signer && { [signerKey]: base64(textOf(signer.pair)) }),
    ...(next && { [nextKey]: base64(textOf(next.pair)) }),
    [trustedKey]: base64(trusted.join('')),
  },
});

/** As merge patch, null takes away what an earlier state had. */
export const nothingLeft = {
  annotations: {
    [annotations.madeAt]: null,
    [annotations.madeFor]: null,
    [annotations.nextMadeAt]: null,
    [annotations.nextMadeFor]: null,
  },
  data: { [signerKey]: null, [nextKey]: null },
} as const;

/** One authority is asked about every tenant. */
const pairsIn = remembered(({ data }: Secret) => ({ [signerKey]: keptPair(data?.[signerKey]), [nextKey]: keptPair(data?.[nextKey]) }));

interface KeptPair {
  readonly pair: KeyPair;
  /** Undefined where it is no authority's. */
  readonly end: Date | undefined;
}

function keptPair(data: string | undefined): KeptPair | undefined {
  const pair = readPair(fromBase64(data));
  return pair && { pair, end: endOf(pair.certificate) };
}

function pairIn(secret: Secret | undefined, key: typeof signerKey | typeof nextKey, now: Date): KeyPair | undefined {
  const kept = secret && pairsIn(secret)[key];
  return kept?.end && kept.end > now ? kept.pair : undefined;
}

const isAuthority = (certificate: string, now: Date): boolean => (endOf(certificate) ?? now) > now;

/** When an authority's word ends; undefined for a certificate of anybody else. */
function endOf(certificate: string): Date | undefined {
  const read = readCertificate(certificate);
  return read?.ca ? read.validToDate : undefined;
}
