/**
 * API keys: `ck_<tenant>_<id>_<secret>`.
 *
 * The tenant stands in the key so that checking one is a single look-up; tenant names and ids hold no `_`, so the parts are unambiguous.
 * The secret is 32 random bytes in hexadecimal, which is why one SHA-256 is enough to store it safely.
 */
import { hash as digestOf, randomBytes, timingSafeEqual } from 'node:crypto';

const pattern = /^ck_([a-z0-9](?:[-a-z0-9]*[a-z0-9])?)_([0-9a-f]{12})_([0-9a-f]{64})$/;
const longest = 256;

export interface ParsedApiKey {
  readonly tenant: string;
  readonly id: string;
}

export function createApiKey(tenant: string): string {
  return `ck_${tenant}_${randomBytes(6).toString('hex')}_${randomBytes(32).toString('hex')}`;
}

/** Undefined for anything that is no well-formed key. Says nothing about whether the key is valid. */
export function parseApiKey(text: string): ParsedApiKey | undefined {
  if (text.length > longest) return undefined;
  const match = pattern.exec(text);
  return match?.[1] !== undefined && match[2] !== undefined ? { tenant: match[1], id: match[2] } : undefined;
}

/** SHA-256 of the whole key, hexadecimal. */
export const hashApiKey = (key: string): string => digestOf('sha256', key, 'hex');

/** Compares in constant time. */
export function apiKeyMatches(key: string, hash: string): boolean {
  const expected = Buffer.from(hash, 'hex');
  const actual = digestOf('sha256', key, 'buffer');
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}
