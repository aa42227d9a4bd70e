/**
 * What Secret `edge-identity` says: the key with which edge signs, the one that is to take its place, the public keys that agents are to
 * trust, and those of which egress may still meet vouchers. Nothing else of a rotation is kept anywhere, but for when the keys came to each tenant.
 */
import { generateIdentityKeys } from '@cloister/identity';
import { annotations, believedKeys, canonicalJSON, edgeKey, edgeKeys, type EdgeKey, type EdgeKeys } from '@cloister/tenancy';
import { z } from 'zod';
import { base64, fromBase64 } from '../child.ts';
import type { Secret } from '../kinds.ts';
import { annotationsOf, madeAtOf, requestOf } from '../rotation/credential.ts';
import { nextAnnotationsOf, nextMadeOf, type Content } from '../rotation/successor.ts';

const privateKey = edgeKey.extend({ d: z.string() });
export type PrivateKey = z.infer<typeof privateKey>;

export interface Key {
  readonly jwk: PrivateKey;
  /** Of the current key: since when edge signs with it. */
  readonly madeAt: Date;
  /** Text of the request for which it was made; undefined where nobody had asked. */
  readonly request: string | undefined;
}

/** A public key with which edge signs no more. Beside the others in `jwks.json`, which egress mounts: an agent may work on one request for an hour. */
export interface FormerKey extends EdgeKey {
  readonly vouchersUntil: Date;
}

export interface Identity {
  readonly current: Key;
  readonly next: Key | undefined;
  /** Public keys, for the agents. */
  readonly trusted: readonly EdgeKey[];
  /** Public keys that egress is to know beside these, and agents are not. */
  readonly former: readonly FormerKey[];
}

/** Undefined where there is no key with which edge could sign. */
export function identityIn(secret: Secret | undefined): Identity | undefined {
  const jwk = read(privateKey, secret, 'private.jwk');
  if (!secret || !jwk) return undefined;
  const next = read(privateKey, secret, 'next.jwk');
  const nextMade = nextMadeOf(secret);
  return {
    current: { jwk, madeAt: madeAtOf(secret), request: requestOf(secret) },
    next: next && nextMade && { jwk: next, ...nextMade },
    trusted: publicKeysIn(secret)?.keys ?? [],
    former: (read(believedKeys, secret, 'jwks.json')?.keys ?? []).flatMap(({ vouchersUntil, ...key }) =>
      vouchersUntil === undefined ? [] : [{ ...key, vouchersUntil: new Date(vouchersUntil) }],
    ),
  };
}

/** For the agents. Undefined where there are none. */
export function publicKeysIn(secret: Secret | undefined): EdgeKeys | undefined {
  const keys = read(believedKeys, secret, 'jwks.json')?.keys.filter(({ vouchersUntil }) => vouchersUntil === undefined);
  return edgeKeys.safeParse({ keys }).data;
}

export const publicOf = (jwk: PrivateKey): EdgeKey => edgeKey.parse(jwk);

export async function newKey(madeAt: Date, request: string | undefined): Promise<Key> {
  return { jwk: privateKey.parse((await generateIdentityKeys()).privateKey), madeAt, request };
}

export const contentOf = ({ current, next, trusted, former }: Identity): Content => ({
  annotations: { ...annotationsOf(current), ...(next && nextAnnotationsOf(next)) },
  data: {
    'private.jwk': base64(JSON.stringify(current.jwk)),
    ...(next && { 'next.jwk': base64(JSON.stringify(next.jwk)) }),
    'jwks.json': base64(
      canonicalJSON({ keys: [...trusted, ...former.map((key) => ({ ...key, vouchersUntil: key.vouchersUntil.toISOString() }))] }),
    ),
  },
});

/** As merge patch, null takes away what an earlier state had. */
export const nothingLeft = {
  annotations: { [annotations.madeFor]: null, [annotations.nextMadeAt]: null, [annotations.nextMadeFor]: null },
  data: { 'next.jwk': null },
} as const;

function read<T>(schema: z.ZodType<T>, secret: Secret | undefined, key: string): T | undefined {
  const text = fromBase64(secret?.data?.[key]);
  if (text === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof z.ZodError) return undefined;
    throw error;
  }
}
