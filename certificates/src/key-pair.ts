import { createPrivateKey, X509Certificate } from 'node:crypto';

/** A certificate and its key, both as PEM; the key as PKCS #8. */
export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

/** Both in one text, so that a file that holds it changes all at once. OpenSSL takes it for either. */
export const textOf = ({ certificate, key }: KeyPair): string => certificate + key;

const block = (label: string) => new RegExp(`-----BEGIN ${label}-----[^-]*-----END ${label}-----`, 'g');
const blocksIn = (text: string, label: string): string[] => [...text.matchAll(block(label))].map(([found]) => `${found}\n`);

/** Every certificate of a text, in its order, readable or not. */
export const certificatesIn = (text: string | undefined): string[] => blocksIn(text ?? '', 'CERTIFICATE');

/** Undefined where a text does not hold one certificate and the very key that belongs to it. */
export function readPair(text: string | undefined): KeyPair | undefined {
  const [certificate, ...others] = certificatesIn(text);
  const [key] = blocksIn(text ?? '', 'PRIVATE KEY');
  const read = readCertificate(certificate);
  if (!read || certificate === undefined || key === undefined || others.length > 0) return undefined;
  return orUndefined(() => (read.checkPrivateKey(createPrivateKey(key)) ? { certificate, key } : undefined));
}

/** What a certificate says of itself; undefined for text that is none. */
export const readCertificate = (pem: string | undefined): X509Certificate | undefined =>
  pem === undefined ? undefined : orUndefined(() => new X509Certificate(pem));

function orUndefined<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error && 'code' in error) return undefined; // every refusal of OpenSSL has one
    throw error;
  }
}
