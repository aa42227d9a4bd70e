import { certificatesIn, readCertificate } from '@cloister/certificates';
import { databaseAuthoritiesKey, isSSLMode, postgresTLS, sslModes, verifies, type SSLMode } from '@cloister/tenancy';
import type { Secret } from '../kinds.ts';
import { fromBase64 } from '../child.ts';
import type { SecretContent } from './account.ts';
import { DataError } from './errors.ts';

export interface PostgresAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly sslmode: SSLMode;
  /** PEM; undefined: those that Node trusts by itself. */
  readonly authorities?: string | undefined;
}

interface Where {
  readonly namespace: string;
  readonly secret: string;
}

/** They stand in every tenant's Secret. A cloud's bundle for all its regions is larger; the one for a region is not. */
const mostAuthorityBytes = 65_536;

/** From the administrators' Secret: keys host, port, user, password, database, and for TLS sslmode and ca.crt. Throws {@link DataError}. */
export function postgresAddress(secret: Secret | undefined, where: Where): PostgresAddress {
  const keys = 'host, port, user, password and database';
  if (!secret) throw new DataError('admin_secret_missing', { ...where, keys });
  const value = (field: string): string => {
    const text = fromBase64(secret.data?.[field])?.trim();
    if (!text) throw new DataError('admin_secret_invalid', { ...where, keys, field });
    return text;
  };
  const port = Number(value('port'));
  if (!Number.isInteger(port) || port < 1 || port > 65535) throw new DataError('admin_secret_invalid', { ...where, keys, field: 'port' });
  return {
    host: value('host'),
    port,
    user: value('user'),
    password: value('password'),
    database: value('database'),
    ...trust(secret, where),
  };
}

function trust({ data }: Secret, where: Where): Pick<PostgresAddress, 'sslmode' | 'authorities'> {
  const refuse = (problem: string): DataError => new DataError('admin_secret_tls', { ...where, problem });
  const sslmode = fromBase64(data?.['sslmode'])?.trim() || 'disable';
  if (!isSSLMode(sslmode)) throw refuse(`sslmode is "${sslmode}"; it may be ${sslModes.join(', ')}`);
  const text = fromBase64(data?.[databaseAuthoritiesKey])?.trim();
  if (text) return { sslmode, authorities: authoritiesIn(text, sslmode, refuse) };
  if (sslmode === 'verify-ca')
    throw refuse('sslmode verify-ca needs ca.crt: the PEM certificates of the authorities that may sign the certificate of Postgres');
  return { sslmode };
}

/** What stands beside the certificates, comments or a key, goes to nobody. */
function authoritiesIn(text: string, sslmode: SSLMode, refuse: (problem: string) => DataError): string {
  if (!verifies(sslmode)) throw refuse(`it has ca.crt, but sslmode ${sslmode} checks no certificate: set verify-full, or take ca.crt away`);
  const found = certificatesIn(text);
  if (found.length === 0 || !found.every(readCertificate))
    throw refuse('ca.crt is not readable as certificates: it has to be PEM, one -----BEGIN CERTIFICATE----- or more');
  const authorities = found.join('');
  if (authorities.length <= mostAuthorityBytes) return authorities;
  const size = `${authorities.length} bytes of certificates, of at most ${mostAuthorityBytes}`;
  throw refuse(`ca.crt has ${size}: leave out what did not sign that of Postgres`);
}

/** For option `ssl` of `pg`. */
export const tlsTo = ({ sslmode, authorities = '' }: PostgresAddress): ReturnType<typeof postgresTLS> =>
  postgresTLS(sslmode, () => authorities);

/** Keys of a Secret for one role. Without TLS `url` alone, and nothing in it of TLS: agents are restarted where it changes. */
export function postgresSecret(address: PostgresAddress, role: string, password: string): SecretContent {
  const { sslmode, authorities = '' } = address;
  const url = postgresURL(address, role, password);
  if (sslmode === 'disable') return { url };
  return { url: `${url}?sslmode=${sslmode}`, ...(verifies(sslmode) && { [databaseAuthoritiesKey]: authorities }) };
}

function postgresURL({ host, port, database }: PostgresAddress, role: string, password: string): string {
  const authority = host.includes(':') ? `[${host}]` : host;
  return `postgres://${encodeURIComponent(role)}:${encodeURIComponent(password)}@${authority}:${port}/${encodeURIComponent(database)}`;
}

/** The password in such a URL; undefined where it is no URL for that role. */
export function passwordIn(url: string | undefined, role: string): string | undefined {
  if (url === undefined || !URL.canParse(url)) return undefined;
  const { username, password } = new URL(url);
  return username === encodeURIComponent(role) && password.length >= 32 ? decodeURIComponent(password) : undefined;
}
