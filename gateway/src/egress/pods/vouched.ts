import { voucherHeader, type Voucher } from '@cloister/tenancy';
import type { IncomingHttpHeaders } from 'node:http';
import type { VerifyVoucher } from '../../voucher/verify-voucher.ts';
import { fail } from '../errors.ts';
import type { Caller } from './caller.ts';

/**
 * On whose behalf a pod calls; undefined where it brings no voucher. One of another tenant or agent is none of this pod's. Rejects with
 * `voucher_invalid`: a call is never billed to fewer budgets than its voucher was to name.
 *
 * Of a pod whose agent the policy does not list (it is made or deleted at this moment, and edge and egress hear of it one after the other) the
 * tenant alone is known, and compared.
 */
export async function vouchedFor(
  headers: IncomingHttpHeaders,
  { policy, agent }: Caller,
  verify: VerifyVoucher,
): Promise<Voucher | undefined> {
  const text = headers[voucherHeader];
  if (text === undefined) return undefined;
  const voucher = typeof text === 'string' ? await verify(text) : undefined;
  if (voucher?.tenantUid !== policy.uid || (agent !== '' && voucher.agent !== agent)) throw fail('voucher_invalid');
  return voucher;
}
