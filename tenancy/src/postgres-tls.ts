/** How the operator, egress and agents speak TLS with Postgres: one meaning of `sslmode`, that of libpq, and one place for the authorities. */
import { checkServerIdentity, type ConnectionOptions } from 'node:tls';

export const sslModes = ['disable', 'require', 'verify-ca', 'verify-full'] as const;
export type SSLMode = (typeof sslModes)[number];

/**
 * Beside `url` in the Secret of a login, and in the administrators': PEM certificates of the authorities that may sign Postgres' own. A login's Secret
 * has it where its mode verifies; empty stands for the authorities that Node trusts by itself.
 */
export const databaseAuthoritiesKey = 'ca.crt';

export const isSSLMode = (text: string): text is SSLMode => sslModes.some((mode) => mode === text);
export const verifies = (mode: string | null): boolean => mode === 'verify-ca' || mode === 'verify-full';

/** `sslmode` of such a URL; null where it has none, which means `disable`. */
export const sslModeIn = (url: string | undefined): string | null =>
  url !== undefined && URL.canParse(url) ? new URL(url).searchParams.get('sslmode') : null;

/**
 * For option `ssl` of `pg`. `readAuthorities` is asked now, where what it throws is thrown, and for each connection, so that authorities are replaced
 * without a restart; while it fails, the last answer holds. Throws where `mode` is none of {@link sslModes}.
 */
export function postgresTLS(mode: string | null, readAuthorities: () => string): false | ConnectionOptions {
  if (mode === null || mode === 'disable') return false;
  if (!isSSLMode(mode)) throw new Error(`sslmode is "${mode}"; it may be ${sslModes.join(', ')}`);
  if (!verifies(mode)) return { rejectUnauthorized: false };
  let known = readAuthorities();
  return {
    rejectUnauthorized: true,
    checkServerIdentity: mode === 'verify-ca' ? () => undefined : checkServerIdentity,
    // `pg` reads this for each connection, at a moment at which nobody catches what is thrown.
    get ca() {
      try {
        known = readAuthorities();
      } catch {
        // What was known is as strict, and where it is out of date, the connection fails and says so.
      }
      return known === '' ? undefined : known;
    },
  };
}
