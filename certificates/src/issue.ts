import { randomBytes } from 'node:crypto';
import type { KeyPair } from './key-pair.ts';

export interface Life {
  readonly from: Date;
  readonly days: number;
}

/** Certificates begin this much before they are made, for clocks that are behind ours. */
const clockSkewMs = 3_600_000;
const dayMs = 86_400_000;

/** May sign servers' certificates, and no further authority. Each has a name of its own: verifiers look for a signer by its name. */
export const makeAuthority = (name: string, life: Life): Promise<KeyPair> =>
  make({ commonName: `${name}-${randomBytes(8).toString('hex')}`, dnsNames: [], ...life });

/** For a server that is called by one of these names; `*.example.svc` stands for all that have one label more than `example.svc`. */
export const makeServerCertificate = (dnsNames: readonly [string, ...string[]], life: Life, authority: KeyPair): Promise<KeyPair> =>
  make({ commonName: dnsNames[0], dnsNames, ...life }, authority);

interface Wanted extends Life {
  readonly commonName: string;
  readonly dnsNames: readonly string[];
}

async function make({ commonName, dnsNames, from, days }: Wanted, issuer?: KeyPair): Promise<KeyPair> {
  const { makeCertificate } = await import('./x509.ts');
  const notBefore = new Date(from.getTime() - clockSkewMs);
  return makeCertificate({ commonName, dnsNames, notBefore, notAfter: new Date(from.getTime() + days * dayMs) }, issuer);
}
