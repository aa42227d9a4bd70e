import type { Voucher } from '@cloister/tenancy';
import { hash } from 'node:crypto';
import type { SignVoucher } from '../voucher/sign-voucher.ts';
import type { KnownCaller } from './authenticate.ts';
import { reused } from './reused.ts';

export type VoucherFor = (caller: KnownCaller, tenantUid: string, agent: string) => Promise<string>;

/** Vouches for a caller towards egress: whose budget what it causes is billed to. A budget that has changed is in the next voucher. */
export function vouchers(sign: SignVoucher): VoucherFor {
  const textOf = ({ tenantUid, agent, caller, budget }: Voucher) => `${tenantUid}|${agent}|${caller}|${budget ? textOfBudget(budget) : ''}`;
  const signed = reused({ sign, textOf });
  return (caller, tenantUid, agent) => {
    const budget = caller.apiKey?.budget;
    return signed({ tenantUid, agent, caller: nameOf(caller), ...(budget && { budget }) });
  };
}

/** A digest, since a subject may be long, and is nobody's business in the ledger. */
const nameOf = ({ apiKey, subject }: KnownCaller): string =>
  apiKey ? `key:${apiKey.id}` : `user:${hash('sha256', subject, 'hex').slice(0, 32)}`;

/** Of the document as it is: a changed one is another object. */
const texts = new WeakMap<object, string>();

function textOfBudget(budget: object): string {
  const text = texts.get(budget) ?? JSON.stringify(budget);
  texts.set(budget, text);
  return text;
}
