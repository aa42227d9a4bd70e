/** Asks egress, which keeps the ledger, what all tenants have used: one request, however many there are. */
import { readSecretFile } from '@cloister/settings';
import { tenantsUsage, tenantsUsagePath, type TenantsUsage } from '@cloister/tenancy';

/** Rejects when nobody can say at the moment. */
export type ReadUsage = () => Promise<TenantsUsage>;

/** Milliseconds: more than egress gives its database. */
const patience = 20_000;

/** The token is read for each question, since the kubelet renews it. */
export const askEgress =
  (egressURL: string, tokenFile: string): ReadUsage =>
  async () => {
    const token = readSecretFile('EGRESS_TOKEN_FILE', tokenFile);
    const answer = await fetch(new URL(tenantsUsagePath, egressURL), {
      headers: { authorization: `Bearer ${token}` },
      redirect: 'error',
      signal: AbortSignal.timeout(patience),
    });
    if (answer.status !== 200) {
      await answer.body?.cancel();
      throw new Error(`egress answered ${answer.status}`);
    }
    return tenantsUsage.parse(await answer.json());
  };
