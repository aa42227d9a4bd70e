import { z } from 'zod';
import { commonSettings } from '../server/settings.ts';
import { rangeOf } from './proxy/addresses.ts';
import { mebibyte, proxyLimits } from './proxy/proxy.ts';

const parts = (list: string): string[] => list.split(/[\s,]+/).filter(Boolean);
const addresses = z.string().default('').transform(parts);
const count = z.coerce.number().int().positive();
const ranges = z
  .string()
  .default('')
  .transform((list, context) => {
    try {
      return parts(list).map(rangeOf);
    } catch {
      context.addIssue('expected ranges of addresses, comma-separated, such as 203.0.113.0/24');
      return z.NEVER;
    }
  });

/** Environment of `gateway egress`; the README explains each. */
export const egressSettings = z.object({
  ...commonSettings,
  PROVIDERS_NAMESPACE: z.string().default('cloister-providers'),
  OWN_KEYS_NAMESPACE: z.string().default('cloister-own-keys'),
  DATABASE_URL_FILE: z.string(),
  REDIS_URL_FILE: z.string(),
  EDGE_KEYS_FILE: z.string(),
  PROXY_FORBIDDEN_CIDRS: ranges,
  PROXY_CONNECTIONS: count.default(proxyLimits.connections),
  PROXY_TOTAL_CONNECTIONS: count.default(proxyLimits.totalConnections),
  PROXY_CONNECTION_MEBIBYTES: count.default(proxyLimits.bytes / mebibyte),
  PROXY_HOURLY_MEBIBYTES: count.default(proxyLimits.hourlyBytes / mebibyte),
  /** 0: for ever. */
  AUDIT_RETENTION_DAYS: z.coerce.number().int().min(0).max(36_500).default(365),
  POD_IPS: addresses,
  NODE_IPS: addresses,
  /** Set by Kubernetes in every pod. */
  KUBERNETES_SERVICE_HOST: addresses,
  MAX_BODY_BYTES: z.coerce
    .number()
    .int()
    .positive()
    .default(20 * 1024 * 1024),
});
export type EgressSettings = z.infer<typeof egressSettings>;
