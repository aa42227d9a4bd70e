/** Makes authorities and the certificates that agents show to edge. */
import { agentHostsOf } from '@cloister/tenancy';
import { randomBytes } from 'node:crypto';
import { authorityLifetimeMs, clockSkewMs, servingLifetimeMs } from './authorities.ts';
import type { KeyPair } from './key-pair.ts';

/** Each has a name of its own: verifiers look for the signer by its name. */
export const makeAuthority = (now: Date): Promise<KeyPair> =>
  make({ commonName: `cloister-agents-${randomBytes(8).toString('hex')}`, dnsNames: [], lifetimeMs: authorityLifetimeMs, now });

/** For all agents of one tenant, under the names by which edge calls them. */
export const makeServingCertificate = (tenant: string, authority: KeyPair, now: Date): Promise<KeyPair> =>
  make({ commonName: `tenant-${tenant}`, dnsNames: [agentHostsOf(tenant)], lifetimeMs: servingLifetimeMs, now }, authority);

async function make(
  { commonName, dnsNames, lifetimeMs, now }: { commonName: string; dnsNames: readonly string[]; lifetimeMs: number; now: Date },
  issuer?: KeyPair,
): Promise<KeyPair> {
  const { makeCertificate } = await import('./x509.ts');
  const notBefore = new Date(now.getTime() - clockSkewMs);
  return makeCertificate({ commonName, dnsNames, notBefore, notAfter: new Date(now.getTime() + lifetimeMs) }, issuer);
}
