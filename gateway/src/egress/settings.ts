import { z } from 'zod';
import { commonSettings } from '../server/settings.ts';

/** Environment of `gateway egress`; the README explains each. */
export const egressSettings = z.object({
  ...commonSettings,
  PROVIDERS_NAMESPACE: z.string().default('cloister-providers'),
  DATABASE_URL_FILE: z.string(),
  MAX_BODY_BYTES: z.coerce
    .number()
    .int()
    .positive()
    .default(20 * 1024 * 1024),
});
export type EgressSettings = z.infer<typeof egressSettings>;
