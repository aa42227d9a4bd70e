import { ports } from '@cloister/tenancy';
import { z } from 'zod';

const port = z.coerce.number().int().min(0).max(65_535);

export const commonSettings = {
  HTTP_PORT: port.default(ports.http),
  METRICS_PORT: port.default(ports.metrics),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal']).default('info'),
  SYSTEM_NAMESPACE: z.string().default('cloister-system'),
  DRAIN_SECONDS: z.coerce.number().nonnegative().max(600).default(10),
  TRACING_ENDPOINT: z.url({ protocol: /^https?$/ }).optional(),
  TRACING_HEADERS_FILE: z.string().optional(),
  TRACING_RATIO: z.coerce.number().min(0).max(1).default(0.1),
} as const;

type TracingSettings = z.infer<z.ZodObject<Pick<typeof commonSettings, 'TRACING_ENDPOINT' | 'TRACING_HEADERS_FILE' | 'TRACING_RATIO'>>>;

export const tracingOptions = ({ TRACING_ENDPOINT, TRACING_HEADERS_FILE, TRACING_RATIO }: TracingSettings, service: string) => ({
  service,
  endpoint: TRACING_ENDPOINT,
  headersFile: TRACING_HEADERS_FILE,
  ratio: TRACING_RATIO,
});
