import { databaseAuthoritiesKey, postgresTLS, sslModeIn } from '@cloister/tenancy';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ClientConfig } from 'pg';

/** PEM; empty: those that Node trusts by itself. */
export type ReadAuthorities = () => string;

export const nobody: ReadAuthorities = () => '';

/** From the Secret that holds the URL, mounted as a folder. */
export const authoritiesBeside =
  (urlFile: string): ReadAuthorities =>
  () =>
    readFileSync(join(dirname(urlFile), databaseAuthoritiesKey), 'utf8');

/** The mode is taken out of the URL: `pg` would understand it in its own way, whatever `ssl` says. */
export function connectionTo(url: string, readAuthorities: ReadAuthorities): Pick<ClientConfig, 'connectionString' | 'ssl'> {
  const mode = sslModeIn(url);
  if (mode === null) return { connectionString: url };
  const rest = new URL(url);
  rest.searchParams.delete('sslmode');
  return { connectionString: rest.href, ssl: postgresTLS(mode, readAuthorities) };
}
