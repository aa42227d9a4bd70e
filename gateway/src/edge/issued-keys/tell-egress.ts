import { readSecretFile } from '@cloister/settings';
import { keyReportsPath, knownKey, type KnownKey } from '@cloister/tenancy';
import { z } from 'zod';
import type { SendReports } from './key-reports.ts';

/** Milliseconds: more than egress gives its database. */
const patience = 30_000;

/** The way to {@link keyReportsPath} at egress. The token is read each time, since the kubelet renews it. */
export function tellEgress(
  egressURL: string,
  tokenFile: string,
): { readonly send: SendReports; readonly known: () => Promise<KnownKey[]> } {
  const ask = async (request: RequestInit): Promise<Response> => {
    const answer = await fetch(`${egressURL}${keyReportsPath}`, {
      ...request,
      headers: { authorization: `Bearer ${readSecretFile('EGRESS_TOKEN_FILE', tokenFile)}`, 'content-type': 'application/json' },
      redirect: 'error',
      signal: AbortSignal.timeout(patience),
    });
    if (answer.ok) return answer;
    await answer.body?.cancel();
    throw new Error(`egress answered ${answer.status}`);
  };
  return {
    send: async (reports) => {
      await ask({ method: 'POST', body: JSON.stringify(reports) });
    },
    known: async () => z.array(knownKey).parse(await (await ask({ method: 'GET' })).json()),
  };
}
