import type { IncomingHttpHeaders } from 'node:http';
import { fail } from './errors.ts';

/** Where callers put their credential: OpenAI's and Anthropic's clients, and Azure's. */
const keyHeaders = ['x-api-key', 'api-key'] as const;

/** Removed from every request before it goes on to an agent. */
export const credentialHeaders: readonly string[] = ['authorization', ...keyHeaders, 'cookie'];

/**
 * The one credential of a request. Throws `credential_missing`, or `credential_invalid` when there are several that differ:
 * whichever was chosen, a proxy in front might have looked at the other.
 */
export function credentialOf(headers: IncomingHttpHeaders): string {
  const found = new Set<string>();
  const { authorization } = headers;
  if (authorization !== undefined) found.add(bearer(authorization));
  for (const name of keyHeaders) {
    const value = headers[name];
    if (value !== undefined) found.add(String(value));
  }
  const [credential, ...others] = found;
  if (credential === undefined) throw fail('credential_missing', challenge);
  if (others.length > 0 || credential === '') throw fail('credential_invalid', challenge);
  return credential;
}

/** RFC 6750 asks for this on every 401. */
export const challenge = { headers: { 'www-authenticate': 'Bearer realm="cloister"' } } as const;

const bearer = (header: string): string => /^Bearer +([^\s]+) *$/i.exec(header)?.[1] ?? '';
