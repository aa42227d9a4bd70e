import type { RateLimits, TenantPolicy } from '@cloister/tenancy';
import { hash } from 'node:crypto';
import type { KnownCaller } from '../authenticate.ts';
import type { Counted, Limit } from './limiter.ts';

/** A limit, and how to tell of it. */
export interface OwnLimit extends Limit {
  readonly whose: 'tenant' | 'key' | 'user';
  /** Fills the placeholders of `rate_limit_exceeded`. */
  readonly words: { readonly who: string; readonly what: string; readonly field: string };
}

type ApiKey = NonNullable<KnownCaller['apiKey']>;

/** Of the documents as they are: a changed one is another object. */
const ofKeys = new WeakMap<TenantPolicy, WeakMap<ApiKey, readonly OwnLimit[]>>();

/** Every limit that a request of this caller counts against: the tenant's, and that of its API key or user. The same list for the same key. */
export function limitsOf(caller: KnownCaller, policy: TenantPolicy): readonly OwnLimit[] {
  const { apiKey } = caller;
  if (!apiKey) return limitsAnew(caller, policy);
  const ofTenant = ofKeys.get(policy) ?? new WeakMap<ApiKey, readonly OwnLimit[]>();
  ofKeys.set(policy, ofTenant);
  const known = ofTenant.get(apiKey) ?? limitsAnew(caller, policy);
  ofTenant.set(apiKey, known);
  return known;
}

function limitsAnew({ apiKey, subject }: KnownCaller, { uid, rateLimits }: TenantPolicy): OwnLimit[] {
  // In braces, so that a Redis of several nodes keeps a tenant's counts together, as one script needs them.
  const tenant = `{${uid}}`;
  const own = limits(rateLimits, { whose: 'tenant', who: 'this tenant', key: tenant, path: 'spec.rateLimits' });
  if (apiKey) {
    const { id, name } = apiKey;
    const path = 'uid' in apiKey ? 'rateLimits' : `spec.access.apiKeys[${name}].rateLimits`;
    return [...own, ...limits(apiKey.rateLimits, { whose: 'key', who: `API key "${name}"`, key: `${tenant}:key:${id}`, path })];
  }
  if (!rateLimits.perUser) return own;
  // A digest, since a subject may be long, and is nobody's business in Redis.
  const key = `${tenant}:user:${hash('sha256', subject, 'base64url')}`;
  return [...own, ...limits(rateLimits.perUser, { whose: 'user', who: 'each user', key, path: 'spec.rateLimits.perUser' })];
}

interface Holder {
  readonly whose: OwnLimit['whose'];
  readonly who: string;
  readonly key: string;
  readonly path: string;
}

const kinds: readonly { readonly field: keyof RateLimits; readonly counted: Counted; readonly may: (most: number) => string }[] = [
  { field: 'requestsPerMinute', counted: 'requests', may: (most) => `make ${most} requests a minute` },
  { field: 'tokensPerMinute', counted: 'tokens', may: (most) => `use ${most} tokens a minute` },
  { field: 'concurrentRequests', counted: 'concurrent', may: (most) => `have ${most} requests in progress` },
];

const limits = (rates: RateLimits | undefined, { whose, who, key, path }: Holder): OwnLimit[] =>
  kinds.flatMap(({ field, counted, may }) => {
    const most = rates?.[field];
    if (most === undefined) return [];
    return [{ counted, most, key: `${key}:${counted}`, whose, words: { who, what: may(most), field: `${path}.${field}` } }];
  });
