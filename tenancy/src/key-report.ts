/** What edge tells egress of the API keys that it issues and revokes: egress keeps the audit, and has no way to know of keys. */
import { z } from 'zod';
import { issuedKey } from './issued-key.ts';

/** At egress, for edge alone. POST: a list of reports. GET: a list of {@link knownKey}, all that are there as far as the audit knows. */
export const keyReportsPath = '/internal/audit/keys';

export const knownKey = z.object({ tenant: z.string(), tenantUid: z.string(), id: z.string().regex(/^[0-9a-f]{12}$/) });
export type KnownKey = z.infer<typeof knownKey>;

export const keyReport = knownKey.extend({
  /** What may be on record of a key, which its hash may not; absent for a key that is gone. */
  key: issuedKey.omit({ tenant: true, uid: true, id: true, hash: true }).optional(),
  /** Subject of the caller who asked for that, where it is known. */
  by: z.string().optional(),
});
export type KeyReport = z.infer<typeof keyReport>;
