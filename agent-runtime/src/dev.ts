/**
 * Runs one agent alone on a laptop: `npm run dev -w agent-runtime`. No cluster, no Redis, Postgres inside the process.
 *
 * Whoever can reach the port is let in: the bearer token is taken for the caller's name. That is why it listens on loopback only, why it is an
 * entry of its own, and why nothing that `main.ts` imports knows of it: no setting can turn this on in the image.
 */
import { mkdirSync } from 'node:fs';
import type { VerifyCaller } from '@cloister/identity';
import { readSettings } from '@cloister/settings';
import { scopes } from '@cloister/tenancy';
import { createLogger } from '@cloister/telemetry';
import { z } from 'zod';
import { devDocument } from './dev/dev-document.ts';
import { localEgress } from './dev/local-egress.ts';
import { listen } from './http/listen.ts';
import { startRuntime } from './runtime.ts';
import { openPGlite } from './store/pglite.ts';

const loopback = '127.0.0.1';
const settings = readSettings(
  z.object({
    LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error']).default('warn'),
    HTTP_PORT: z.coerce.number().int().default(8080),
    METRICS_PORT: z.coerce.number().int().default(9090),
    /** An OpenAI-compatible server, for example http://127.0.0.1:11434/v1. Absent: the echo model answers. */
    DEV_MODEL_BASE_URL: z.url().optional(),
    DEV_MODEL_API_KEY: z.string().optional(),
    /** As that server calls it. */
    DEV_MODEL: z.string().default('gpt-5-mini'),
    DEV_INSTRUCTIONS: z.string().default('You are {{agent}}, the assistant of {{tenant}}. Today is {{date}}. Answer in short.'),
    /** Directory for the data; they live in memory without it. */
    DEV_DATA: z.string().optional(),
  }),
);

const upstream = settings.DEV_MODEL_BASE_URL;
const egress = localEgress(upstream === undefined ? undefined : { baseURL: upstream, apiKey: settings.DEV_MODEL_API_KEY });
const egressPort = await listen(egress, 0, loopback);
const model = upstream === undefined ? 'offline/echo' : `dev/${settings.DEV_MODEL}`;
const document = devDocument({ egressURL: `http://${loopback}:${egressPort}/v1`, model, instructions: settings.DEV_INSTRUCTIONS });
const { tenant, agent } = document;

const whoeverTheyAre: VerifyCaller = (token) => Promise.resolve({ tenant, subject: `user:${token}`, scopes });

if (settings.DEV_DATA !== undefined) mkdirSync(settings.DEV_DATA, { recursive: true });
const runtime = await startRuntime({
  document,
  database: await openPGlite(settings.DEV_DATA),
  egressToken: () => Promise.resolve('dev'),
  verify: whoeverTheyAre,
  logger: createLogger({ name: 'agent', level: settings.LOG_LEVEL, fields: { tenant, agent } }),
  host: loopback,
  httpPort: settings.HTTP_PORT,
  metricsPort: settings.METRICS_PORT,
  maxBodyBytes: 8 * 1_048_576,
});
await runtime.ready;
greet(`http://${loopback}:${runtime.httpPort}`);

for (const signal of ['SIGTERM', 'SIGINT'] as const)
  process.once(signal, () => {
    egress.close();
    void runtime.stop(0);
  });

function greet(url: string): void {
  process.stdout.write(`The agent "${agent}" of tenant "${tenant}" listens at ${url} (this machine only).
Model: ${upstream === undefined ? 'the built-in echo; set DEV_MODEL_BASE_URL, DEV_MODEL_API_KEY and DEV_MODEL for a real one' : `${model} at ${upstream}`}
Data: ${settings.DEV_DATA ?? 'in memory; set DEV_DATA=.dev to keep them'}
Any bearer token is accepted and names the caller.

curl ${url}/v1/chat/completions -H 'authorization: Bearer me' -H 'content-type: application/json' \\
  -d '{"model":"${agent}","messages":[{"role":"user","content":"Hello"}]}'

curl ${url}/api/v1/tenants/${tenant}/chat -H 'authorization: Bearer me' -H 'content-type: application/json' -d '{"message":"Hello"}'
curl ${url}/api/v1/tenants/${tenant}/settings -H 'authorization: Bearer me' -i
`);
}
