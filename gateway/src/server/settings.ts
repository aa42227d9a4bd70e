import { ports } from '@cloister/tenancy';
import { z } from 'zod';

const port = z.coerce.number().int().min(0).max(65_535);

export const commonSettings = {
  HTTP_PORT: port.default(ports.http),
  METRICS_PORT: port.default(ports.metrics),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal']).default('info'),
  SYSTEM_NAMESPACE: z.string().default('cloister-system'),
  DRAIN_SECONDS: z.coerce.number().nonnegative().max(600).default(10),
} as const;
