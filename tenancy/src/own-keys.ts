/**
 * The keys that one tenant has of its own with model providers. A Secret `tenant-<name>` in the namespace of own keys, labelled
 * `cloister.dev/document=own-keys`; egress alone may read it. For which providers they are to be used is said by the tenant's policy, so that a key
 * that is missing here is missing, and not the platform's.
 */
import { z } from 'zod';

/** What can stand in a header, on one line. */
export const providerKeyPattern = /^[\x21-\x7e]{1,4096}$/;

export const ownKeys = z.object({
  tenant: z.string(),
  /** UID of the Tenant: a second tenant of the same name is another tenant, and these keys none of its. */
  uid: z.string(),
  /** By the name of the ModelProvider. */
  keys: z.record(z.string(), z.string().regex(providerKeyPattern, 'expected a key on one line, without spaces')),
});
export type OwnKeys = z.infer<typeof ownKeys>;
