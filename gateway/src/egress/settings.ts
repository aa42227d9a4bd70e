import { z } from 'zod';
import { commonSettings } from '../server/settings.ts';
import { rangeOf } from './proxy/addresses.ts';

/** Environment of `gateway egress`; the README explains each. */
export const egressSettings = z.object({
  ...commonSettings,
  PROVIDERS_NAMESPACE: z.string().default('cloister-providers'),
  DATABASE_URL_FILE: z.string(),
  PROXY_FORBIDDEN_CIDRS: z
    .string()
    .default('')
    .transform((list, context) => {
      const ranges = list.split(/[\s,]+/).filter(Boolean);
      try {
        return ranges.map(rangeOf);
      } catch {
        context.addIssue('expected ranges of addresses, comma-separated, such as 203.0.113.0/24');
        return z.NEVER;
      }
    }),
  MAX_BODY_BYTES: z.coerce
    .number()
    .int()
    .positive()
    .default(20 * 1024 * 1024),
});
export type EgressSettings = z.infer<typeof egressSettings>;
