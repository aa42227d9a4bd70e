/**
 * The token with which edge vouches for a caller to an agent: EdDSA (Ed25519), 60 seconds, one audience per tenant.
 * It replaces the caller's own credential, which never goes further than edge.
 */
import { createLocalJWKSet, exportJWK, generateKeyPair, importJWK, jwtVerify, SignJWT, type JSONWebKeySet, type JWK } from 'jose';
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { remembered } from './remembered.ts';

export const callerTokenSeconds = 60;

/** Who calls, as edge has verified it. `subject` is `key:<id>` for an API key, `user:<issuer>|<sub>` for a JWT. */
export interface Caller {
  readonly tenant: string;
  readonly subject: string;
  readonly scopes: readonly string[];
}

const claims = z.object({ sub: z.string().min(1), tenant: z.string().min(1), scope: z.string(), exp: z.number() });

export interface IdentityKeys {
  /** Ed25519 private key with `kid`. */
  readonly privateKey: JWK;
  readonly jwks: JSONWebKeySet;
}

export async function generateIdentityKeys(): Promise<IdentityKeys> {
  const { privateKey, publicKey } = await generateKeyPair('Ed25519', { extractable: true });
  const kid = randomBytes(8).toString('hex');
  const common = { kid, alg: 'Ed25519', use: 'sig' };
  return { privateKey: { ...(await exportJWK(privateKey)), ...common }, jwks: { keys: [{ ...(await exportJWK(publicKey)), ...common }] } };
}

export type SignCaller = (caller: Caller, audience: string) => Promise<string>;

/** Throws when the key is no Ed25519 private JWK with a `kid`. */
export async function callerSigner(privateKey: JWK, issuer: string): Promise<SignCaller> {
  const kid = privateKey.kid;
  if (kid === undefined || privateKey.crv !== 'Ed25519') throw new Error('the identity key is no Ed25519 JWK with a "kid"');
  const key = await importJWK(privateKey, 'Ed25519');
  return (caller, audience) =>
    new SignJWT({ tenant: caller.tenant, scope: caller.scopes.join(' ') })
      .setProtectedHeader({ alg: 'Ed25519', kid, typ: 'JWT' })
      .setIssuer(issuer)
      .setAudience(audience)
      .setSubject(caller.subject)
      .setIssuedAt()
      .setExpirationTime(`${callerTokenSeconds}s`)
      .sign(key);
}

export interface CallerTokenRules {
  readonly issuer: string;
  readonly audience: string;
  readonly jwks: JSONWebKeySet;
}

export type VerifyCaller = (token: string) => Promise<Caller>;

/**
 * The verifier rejects (throws) a token of another issuer, audience, algorithm or key, and one that has expired. Edge sends the same token for a
 * while, so it is verified once and then remembered until it expires: a signature costs more than the rest of a call.
 */
export function callerVerifier({ issuer, audience, jwks }: CallerTokenRules): VerifyCaller {
  const keys = createLocalJWKSet(jwks);
  const verify = remembered(async (token) => {
    const { payload } = await jwtVerify(token, keys, {
      issuer,
      audience,
      algorithms: ['Ed25519'],
      clockTolerance: 5,
      requiredClaims: ['exp'],
    });
    const { sub, tenant, scope, exp } = claims.parse(payload);
    return { value: { tenant, subject: sub, scopes: scope.split(' ').filter(Boolean) }, until: exp * 1000 };
  });
  return async (token) => {
    const caller = await verify(token);
    if (!caller) throw new Error('nobody is vouched for'); // which a token that is not valid has said already
    return caller;
  };
}
