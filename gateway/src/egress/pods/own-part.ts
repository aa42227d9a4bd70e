import type { IncomingHttpHeaders } from 'node:http';
import { podOf, tokenRejected } from './bearer.ts';
import type { VerifyPod } from './pod-token.ts';

export interface PartsKnown {
  readonly verifyPod: VerifyPod;
  /** Where Cloister's own parts run. */
  readonly systemNamespace: string;
}

/** Rejects with `token_invalid` for everybody but the part of Cloister that has this ServiceAccount. */
export async function requirePart(
  headers: IncomingHttpHeaders,
  account: string,
  { verifyPod, systemNamespace }: PartsKnown,
): Promise<void> {
  const pod = await podOf(headers, verifyPod);
  if (pod?.namespace !== systemNamespace || pod.serviceAccount.name !== account) throw tokenRejected();
}
