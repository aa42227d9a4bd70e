import { agentFiles, ports } from '@cloister/tenancy';
import { z } from 'zod';

const port = z.coerce.number().int().min(0).max(65_535);
const mebibyte = 1_048_576;

/** Settings of the process, for {@link readSettings}. The files are where the operator mounts them. */
export const environment = z.object({
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  HTTP_PORT: port.default(ports.http),
  METRICS_PORT: port.default(ports.metrics),
  /** How long a stopping agent still takes requests while the cluster learns that it goes. */
  DRAIN_SECONDS: z.coerce.number().min(0).default(6),
  MAX_BODY_BYTES: z.coerce
    .number()
    .int()
    .positive()
    .default(8 * mebibyte),
  AGENT_DOCUMENT_FILE: z.string().default(agentFiles.document),
  /** Public keys of edge, which change while the process runs. */
  IDENTITY_FILE: z.string().default(agentFiles.identity),
  DATABASE_URL_FILE: z.string().default(agentFiles.databaseURL),
  /** Certificate and key that edge knows the agent by, which change while the process runs. */
  SERVING_FILE: z.string().default(agentFiles.serving),
  EGRESS_TOKEN_FILE: z.string().default(agentFiles.egressToken),
});
