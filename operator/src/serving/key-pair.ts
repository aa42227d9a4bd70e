import { X509Certificate } from 'node:crypto';

/** A certificate and its key, both as PEM; the key as PKCS #8. */
export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

/** What a certificate says of itself. Undefined for text that is none: it is then made anew, like one that is missing. */
export function readCertificate(pem: string | undefined): X509Certificate | undefined {
  if (pem === undefined) return undefined;
  try {
    return new X509Certificate(pem);
  } catch (error) {
    if (error instanceof Error && 'code' in error) return undefined; // every refusal of OpenSSL has one
    throw error;
  }
}
