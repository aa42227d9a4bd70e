/** A whole agent for tests: its real server over PGlite (or a database given), with a double of egress and tokens signed as edge signs them. */
import { callerSigner, callerVerifier, generateIdentityKeys, type Caller, type SignCaller } from '@cloister/identity';
import { agentDocument, scopes, type AgentDocument } from '@cloister/tenancy';
import { createLogger } from '@cloister/telemetry';
import { randomBytes } from 'node:crypto';
import { APIError } from 'openai';
import { afterAll } from 'vitest';
import { devDocument } from './dev/dev-document.ts';
import { egressDouble, type EgressDouble } from './model/egress.double.ts';
import { startRuntime, type Runtime } from './runtime.ts';
import type { Database } from './store/database.ts';
import { openPGlite } from './store/pglite.ts';

export interface TestAgentOptions {
  readonly database: Database;
  readonly document?: Partial<AgentDocument>;
  readonly maxBodyBytes?: number;
  /** Do not wait for the database. */
  readonly startOnly?: boolean;
  /** Share one instead of getting one's own, as replicas do. */
  readonly egress?: EgressDouble;
}

export interface TestAgent {
  readonly url: string;
  readonly metricsURL: string;
  readonly document: AgentDocument;
  readonly egress: EgressDouble;
  readonly runtime: Runtime;
  /** Every line logged so far. */
  readonly log: string[];
  token(caller?: Partial<Caller>, audience?: string): Promise<string>;
  /** A request as edge would send it for `caller`; `body` is sent as JSON. */
  call(method: string, path: string, options?: CallOptions): Promise<Response>;
  stop(): Promise<void>;
}

export interface CallOptions {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly caller?: Partial<Caller>;
  readonly signal?: AbortSignal;
}

const keys = await generateIdentityKeys();
export const tenant = 'acme';

/** Tables are shared by all agents of a tenant, so a name of its own keeps each test's data to itself. */
export const testDocument = (changes: Partial<AgentDocument> = {}): AgentDocument => {
  const document = devDocument({ egressURL: 'http://127.0.0.1:9/v1', model: 'offline/echo', instructions: '' });
  const identity = { issuer: 'cloister-edge', audience: `agent:${tenant}` };
  return agentDocument.parse({ ...document, tenant, agent: `agent-${randomBytes(4).toString('hex')}`, identity, ...changes });
};

/** To be called outside of tests, once in a file: an agent for all of them, with a database of its own. */
export async function agentUnderTest(): Promise<TestAgent> {
  const database = await openPGlite();
  const agent = await testAgent({ database });
  afterAll(async () => {
    await agent.stop();
    await database.close();
  });
  return agent;
}

export async function testAgent({ database, document: changes, maxBodyBytes = 1_048_576, ...rest }: TestAgentOptions): Promise<TestAgent> {
  const egress = rest.egress ?? (await egressDouble());
  const document = testDocument({ egressURL: egress.baseURL, ...changes });
  const log: string[] = [];
  const runtime = await startRuntime({
    document,
    database: { ...database, close: () => Promise.resolve() },
    egressToken: () => Promise.resolve('pod-token'),
    verify: callerVerifier({ ...document.identity, jwks: keys.jwks }),
    logger: createLogger({
      name: 'agent',
      level: 'debug',
      fields: { tenant, agent: document.agent },
      destination: { write: (line) => log.push(line) },
    }),
    host: '127.0.0.1',
    httpPort: 0,
    metricsPort: 0,
    maxBodyBytes,
  });
  if (rest.startOnly !== true) await runtime.ready;
  const url = `http://127.0.0.1:${runtime.httpPort}`;
  const token = tokensOf(await callerSigner(keys.privateKey, document.identity.issuer), document);
  const call = async (method: string, path: string, { body, headers = {}, caller, signal }: CallOptions = {}): Promise<Response> =>
    fetch(`${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${await token(caller)}`, 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    });
  const stop = async (): Promise<void> => {
    if (rest.egress === undefined) egress.close();
    await runtime.stop(0);
  };
  return { url, metricsURL: `http://127.0.0.1:${runtime.metricsPort}`, document, egress, runtime, log, token, call, stop };
}

const tokensOf =
  (sign: SignCaller, { identity }: AgentDocument) =>
  (caller: Partial<Caller> = {}, audience: string = identity.audience): Promise<string> =>
    sign({ tenant, subject: 'key:one', scopes, ...caller }, audience);

export async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}

/** What the API refused with, as the openai client reports it. */
export async function refusalOf(work: Promise<unknown>): Promise<APIError> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof APIError) return error;
  throw new Error('expected the API to refuse', { cause: error });
}
