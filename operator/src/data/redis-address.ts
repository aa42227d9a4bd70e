import { fromBase64 } from '../child.ts';
import type { Secret } from '../kinds.ts';
import { DataError } from './errors.ts';

/** From the administrators' Secret: key url, redis:// or rediss://. Throws {@link DataError}. */
export function redisURLOf(secret: Secret | undefined, where: { readonly namespace: string; readonly secret: string }): URL {
  if (!secret) throw new DataError('admin_secret_missing', { ...where, keys: '"url"' });
  const text = fromBase64(secret.data?.['url'])?.trim();
  if (!text || !URL.canParse(text) || !/^rediss?:$/.test(new URL(text).protocol))
    throw new DataError('admin_secret_invalid', { ...where, keys: '"url"', field: 'url (redis://user:password@host:port)' });
  return new URL(text);
}

/** The same server for another user. */
export function redisURLFor(admin: URL, user: string, password: string): string {
  return `${admin.protocol}//${encodeURIComponent(user)}:${encodeURIComponent(password)}@${admin.host}/0`;
}
