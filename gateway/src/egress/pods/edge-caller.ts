import { edgeServiceAccount } from '@cloister/tenancy';
import type { IncomingHttpHeaders } from 'node:http';
import { podOf, tokenRejected } from './bearer.ts';
import type { VerifyPod } from './pod-token.ts';

export interface EdgeKnown {
  readonly verifyPod: VerifyPod;
  /** Where edge runs. */
  readonly systemNamespace: string;
}

/** Rejects with `token_invalid` for everybody who is not edge. */
export async function requireEdge(headers: IncomingHttpHeaders, { verifyPod, systemNamespace }: EdgeKnown): Promise<void> {
  const pod = await podOf(headers, verifyPod);
  if (pod?.namespace !== systemNamespace || pod.serviceAccount.name !== edgeServiceAccount) throw tokenRejected();
}
