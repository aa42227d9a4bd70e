import type { Secret } from '../kinds.ts';
import { fromBase64 } from '../child.ts';
import { DataError } from './errors.ts';

export interface PostgresAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

/** From the administrators' Secret: keys host, port, user, password, database. Throws {@link DataError}. */
export function postgresAddress(
  secret: Secret | undefined,
  where: { readonly namespace: string; readonly secret: string },
): PostgresAddress {
  const keys = 'host, port, user, password and database';
  if (!secret) throw new DataError('admin_secret_missing', { ...where, keys });
  const value = (field: string): string => {
    const text = fromBase64(secret.data?.[field])?.trim();
    if (!text) throw new DataError('admin_secret_invalid', { ...where, keys, field });
    return text;
  };
  const port = Number(value('port'));
  if (!Number.isInteger(port) || port < 1 || port > 65535) throw new DataError('admin_secret_invalid', { ...where, keys, field: 'port' });
  return { host: value('host'), port, user: value('user'), password: value('password'), database: value('database') };
}

/** Key `url` of a Secret for one role. */
export function postgresURL({ host, port, database }: PostgresAddress, role: string, password: string): string {
  const authority = host.includes(':') ? `[${host}]` : host;
  return `postgres://${encodeURIComponent(role)}:${encodeURIComponent(password)}@${authority}:${port}/${encodeURIComponent(database)}`;
}

/** The password in such a URL; undefined where it is no URL for that role. */
export function passwordIn(url: string | undefined, role: string): string | undefined {
  if (url === undefined || !URL.canParse(url)) return undefined;
  const { username, password } = new URL(url);
  return username === encodeURIComponent(role) && password.length >= 32 ? decodeURIComponent(password) : undefined;
}
