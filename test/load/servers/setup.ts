/** What a server of this folder is told by whoever starts it, in one variable of its environment, because keys are among it. */
import { edgeKeys } from '@cloister/tenancy';
import { z } from 'zod';

export const setupVariable = 'CLOISTER_LOAD_SETUP';

/** What can be left out of a server, to see what it costs. */
export const features = ['authentication', 'limits', 'TLS', 'vouchers', 'budget', 'audit', 'metrics', 'log lines'] as const;
export type Feature = (typeof features)[number];

const jwk = z.looseObject({ kty: z.string(), kid: z.string() });

export const platformKeys = z.object({
  /** Edge's. */
  identity: z.object({ privateKey: jwk, jwks: edgeKeys }),
  /** The cluster's, with which it signs tokens of pods. */
  pods: z.object({ privateKey: jwk, publicKey: jwk }),
  /** By whose word agents are trusted, as PEM. */
  authority: z.string(),
  /** An agent's certificate and key, as PEM. */
  serving: z.string(),
});
export type PlatformKeys = z.infer<typeof platformKeys>;

export const setup = z.object({
  /** Whom the server asks. */
  upstream: z.string().default(''),
  /** How many are known. The one that is measured is the last of them. */
  tenants: z.int().positive().default(1000),
  without: z.array(z.enum(features)).default([]),
  stores: z.object({ postgresURL: z.string(), redisURL: z.string() }).optional(),
  keys: platformKeys.optional(),
  /** The daily budget of each tenant in dollars; far away where nothing is said. */
  dailyUsd: z.number().default(1e9),
  /** Of an agent: the token with which it calls. */
  podToken: z.string().default(''),
  /** Of the stub: milliseconds until it answers. */
  answerAfter: z.number().default(0),
});
export type Setup = z.input<typeof setup>;

export const readSetup = (): z.output<typeof setup> => setup.parse(JSON.parse(process.env[setupVariable] ?? '{}'));

/** Throws where what a server cannot do without was not given. */
export function given<T>(what: T | undefined, name: string): T {
  if (what === undefined) throw new Error(`the setup must have "${name}"`);
  return what;
}
