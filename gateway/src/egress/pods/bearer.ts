import type { IncomingHttpHeaders } from 'node:http';
import { fail } from '../errors.ts';
import type { PodIdentity, VerifyPod } from './pod-token.ts';

/** The pod whose token a request brings. Undefined for none, or one that is not valid. */
export async function podOf({ authorization }: IncomingHttpHeaders, verify: VerifyPod): Promise<PodIdentity | undefined> {
  const token = /^Bearer +([^\s]+)$/i.exec(authorization ?? '')?.[1];
  return token === undefined ? undefined : verify(token);
}

export const tokenRejected = () => fail('token_invalid', { headers: { 'www-authenticate': 'Bearer realm="cloister-egress"' } });
