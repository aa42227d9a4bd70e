import { decodeJwt, decodeProtectedHeader, type JWTPayload } from 'jose';

/** A JWT that nobody has verified yet. Good for choosing the key to verify it with, and for nothing else. */
export interface UnverifiedToken {
  readonly text: string;
  readonly algorithm: string;
  readonly claims: JWTPayload;
}

/** How far clocks may be apart, in seconds. */
export const clockTolerance = 30;

/** Undefined for anything that is no JWT. */
export function readToken(text: string): UnverifiedToken | undefined {
  try {
    const { alg } = decodeProtectedHeader(text);
    return alg === undefined ? undefined : { text, algorithm: alg, claims: decodeJwt(text) };
  } catch {
    return undefined; // not a token: the caller answers 401, and the text may be a secret of some other kind, so it is not kept
  }
}
