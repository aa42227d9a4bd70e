/**
 * An API key that a tenant's administrator had edge make. A Secret {@link issuedKeyObjectName} in the keys namespace, labelled
 * `cloister.dev/document=issued-key`, which edge alone writes. The Tenant owns it, so it goes with the Tenant.
 */
import { z } from 'zod';
import { apiKeyEntry } from './tenant-access.ts';

export const issuedKey = apiKeyEntry.extend({
  tenant: z.string(),
  /** UID of the Tenant: a second tenant of the same name is another tenant, and this key none of its. */
  uid: z.string(),
  issuedAt: z.iso.datetime(),
  /** Subject of the caller that asked for it. */
  issuedBy: z.string(),
});
export type IssuedKey = z.infer<typeof issuedKey>;
