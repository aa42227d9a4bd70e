/**
 * API keys that a tenant's administrators have made and taken away while edge runs.
 *
 * Guarantees: a key is shown once and kept as a hash; it may do nothing that the caller who asked for it may not; one that a key asked for has
 * neither a longer life nor higher limits nor a larger budget than that key; what the Tenant declares is not touched.
 * Errors: `invalid_request`, `scope_missing`, `too_many_keys`, `key_not_found`, `key_declared`, `keys_unavailable`.
 */
import { createApiKey, hashApiKey, parseApiKey } from '@cloister/identity';
import { rateLimits, scope, type IssuedKey, type TenantPolicy } from '@cloister/tenancy';
import type { Logger } from '@cloister/telemetry';
import { z } from 'zod';
import type { Access } from '../../directory/directory.ts';
import type { KnownCaller } from '../authenticate.ts';
import { fail } from '../errors.ts';
import type { Making } from './in-the-making.ts';
import type { KeyStore } from './key-store.ts';
import { budgetWithin, limitsWithin, type TooMuch } from './within.ts';

/** Of one tenant, expired ones included. Replicas that issue at the same moment do not know of each other's last ones yet. */
export const mostIssued = 256;
/** Bytes of a request for a key. */
export const longestWish = 16 * 1024;

/** As a Tenant's may be. A millionth of a dollar is the least that counts. */
const windowLimit = z
  .strictObject({
    usd: z
      .number()
      .min(0)
      .max(1e9)
      .transform((usd) => Math.round(usd * 1e6) / 1e6)
      .optional(),
    tokens: z.int().min(0).max(1e15).optional(),
  })
  .refine(({ usd, tokens }) => usd !== undefined || tokens !== undefined, 'set usd, tokens or both; leave the window out for no limit');

const wish = z.strictObject({
  name: z.string().regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'expected up to 63 lower-case letters, digits and hyphens'),
  scopes: z.array(scope).min(1).max(8),
  expiresAt: z.iso
    .datetime({ offset: true })
    .refine((text) => new Date(text).getUTCFullYear() <= 9999, 'expected a year of four digits')
    .optional(),
  rateLimits: z.strictObject(rateLimits.shape).optional(),
  budget: z.strictObject({ daily: windowLimit.optional(), monthly: windowLimit.optional() }).optional(),
});

export interface KeyIssuing {
  readonly access: Access;
  readonly keyStore: KeyStore;
  readonly making: Making;
  /** Hears who has revoked which key. */
  readonly keyRevoked: (tenantUid: string, id: string, by: string) => void;
  readonly log: Logger;
}

/** Resolves, once the key is kept, with the key and what is known of it. */
export async function issueKey(
  body: Buffer,
  caller: KnownCaller,
  { tenant, uid }: TenantPolicy,
  { access, keyStore, making, log }: KeyIssuing,
): Promise<{ readonly key: string; readonly issued: IssuedKey }> {
  const { name, scopes, ...wanted } = read(body);
  const missing = scopes.find((wanted) => !caller.scopes.includes(wanted));
  if (missing) throw fail('scope_missing', { param: 'scopes', values: { scope: missing } });
  const expiresAt = expiryOf(wanted.expiresAt, caller.apiKey?.expiresAt);
  const limits = limitsWithin(caller.apiKey?.rateLimits, wanted.rateLimits, tooMuch);
  const budget = budgetWithin(caller.apiKey?.budget, wanted.budget, tooMuch);
  const known = access.issued.ofTenant(tenant).filter((one) => one.uid === uid);
  const others = making.count(uid, (id) => access.issued.byId(tenant, id) !== undefined);
  if (known.length + others >= mostIssued) throw fail('too_many_keys', { values: { limit: mostIssued } });

  const key = createApiKey(tenant);
  const issued: IssuedKey = {
    tenant,
    uid,
    id: parseApiKey(key)?.id ?? '',
    name,
    hash: hashApiKey(key),
    scopes: [...new Set(scopes)],
    issuedAt: new Date().toISOString(),
    issuedBy: caller.subject,
    ...(expiresAt !== undefined && { expiresAt }),
    ...(limits && { rateLimits: limits }),
    ...(budget && { budget }),
  };
  making.begin(uid, issued.id);
  await keyStore.add(issued).catch((error: unknown) => {
    making.end(uid, issued.id);
    return unavailable(log)(error);
  });
  return { key, issued };
}

/** Resolves when the key is gone for good. */
export async function revokeKey(
  id: string,
  { subject }: KnownCaller,
  { tenant, uid }: TenantPolicy,
  { access, keyStore, making, keyRevoked, log }: KeyIssuing,
): Promise<void> {
  const declared = access.byTenant(tenant)?.apiKeys.find((known) => known.id === id);
  if (declared) throw fail('key_declared', { values: { name: declared.name } });
  // Asked of the store, not of memory: a key that another replica issued a moment ago can be revoked here.
  if (!/^[0-9a-f]{12}$/.test(id) || !(await keyStore.remove(tenant, id).catch(unavailable(log)))) throw fail('key_not_found');
  making.end(uid, id);
  keyRevoked(uid, id, subject);
}

function read(body: Buffer): z.infer<typeof wish> {
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch {
    throw fail('invalid_json');
  }
  const { data, error } = wish.safeParse(value);
  if (data) return data;
  const [issue] = error.issues;
  throw refusal(issue?.path.join('.') ?? '', issue?.message ?? 'unexpected');
}

/** What comes after the end of the key that asks would be a way to stay. */
function expiryOf(wanted: string | undefined, own: string | undefined): string | undefined {
  if (wanted === undefined) return own;
  if (Date.parse(wanted) <= Date.now()) throw refusal('expiresAt', 'is in the past');
  if (own !== undefined && Date.parse(wanted) > Date.parse(own)) throw refusal('expiresAt', `the key that asks expires earlier, at ${own}`);
  return new Date(wanted).toISOString();
}

const tooMuch: TooMuch = (field, most) => {
  throw refusal(field, `the key that asks has ${most} itself`);
};

const refusal = (param: string, problem: string) =>
  fail('invalid_request', { param, values: { problem: `${param === '' ? 'body' : param}: ${problem}` } });

const unavailable =
  (log: Logger) =>
  (cause: unknown): never => {
    log.warn({ reason: cause instanceof Error ? cause.message : 'unknown' }, 'API keys can be neither issued nor revoked');
    throw fail('keys_unavailable', { retryAfterSeconds: 5, cause });
  };
