/**
 * Which calls are the same: of one agent of one tenant, to one model at one place, with one request.
 *
 * What names such a call is hashed once. One half of the hash is the address at which its answer is kept, the other the key with which that is
 * sealed. So whoever reads the store learns neither questions nor answers: to open one it takes the whole request, to the last character,
 * and the UID of the tenant. No secret has to be kept or replaced for this, and what a tenant has kept can be opened by nothing of another's.
 */
import { canonicalJSON, type ProviderDocument } from '@cloister/tenancy';
import { createHash } from 'node:crypto';
import type { KeyOwner } from '../chat/target.ts';
import type { JsonObject } from '../providers/provider.ts';

export interface SameCall {
  readonly tenantUid: string;
  readonly agent: string;
  readonly provider: Pick<ProviderDocument, 'name' | 'type' | 'baseURL' | 'apiVersion'>;
  /** What an account of the tenant's own has answered is not what the platform's would have. */
  readonly whose: KeyOwner | undefined;
  /** The model that is asked, by the provider's own name, whichever was asked for. */
  readonly model: string;
  readonly operation: string;
  /** Without the name of a model. The order of fields does not matter. */
  readonly request: JsonObject;
}

export interface CacheKey {
  readonly address: string;
  /** 32 bytes. */
  readonly sealing: Buffer;
}

/** Undefined for a request that is nested too deeply to be put in order. */
export function cacheKeyOf(call: SameCall): CacheKey | undefined {
  try {
    return keyOf(call);
  } catch (error) {
    if (error instanceof RangeError) return undefined; // the stack is full
    throw error;
  }
}

function keyOf({ tenantUid, agent, provider, whose, model, operation, request }: SameCall): CacheKey {
  const { name, type, baseURL = null, apiVersion = null } = provider;
  const place = [name, type, baseURL, apiVersion, ...(whose === 'own' ? [whose] : [])];
  const digest = createHash('sha512')
    .update(canonicalJSON(['cloister-cache/1', tenantUid, agent, place, model, operation, request]))
    .digest();
  return { address: digest.subarray(0, 32).toString('base64url'), sealing: digest.subarray(32) };
}
