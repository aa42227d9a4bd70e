import { z } from 'zod';
import { commonSettings } from '../server/settings.ts';

/** Environment of `gateway edge`; the README explains each. */
export const edgeSettings = z.object({
  ...commonSettings,
  ACCESS_NAMESPACE: z.string().default('cloister-access'),
  KEYS_NAMESPACE: z.string().default('cloister-keys'),
  IDENTITY_KEY_FILE: z.string(),
  AGENTS_TRUST_FILE: z.string(),
  ISSUER_AUTHORITIES_FILE: z.string().optional(),
  REDIS_URL_FILE: z.string(),
  EGRESS_URL: z.url(),
  EGRESS_TOKEN_FILE: z.string(),
  TRACING_TRUST_CALLERS: z.stringbool().default(false),
  EDGE_SHARED_HOSTS: z
    .string()
    .default('')
    .transform(
      (list) =>
        new Set(
          list
            .toLowerCase()
            .split(/[\s,]+/)
            .filter(Boolean),
        ),
    ),
  MAX_CONNECTIONS: z.coerce.number().int().positive().default(4096),
  MAX_CONNECTIONS_PER_ADDRESS: z.coerce.number().int().positive().default(4096),
  MAX_BODY_BYTES: z.coerce
    .number()
    .int()
    .positive()
    .default(10 * 1024 * 1024),
});
export type EdgeSettings = z.infer<typeof edgeSettings>;
