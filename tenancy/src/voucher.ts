/**
 * What edge says of a caller to egress, by way of the agent: on whose behalf a call is made, and so whose budget it is billed to beside those of
 * tenant and agent. Signed by edge; agents pass it on unread, in {@link voucherHeader}, with every call of a model that the request causes.
 */
import { z } from 'zod';
import { longestRequestSeconds } from './agent-document.ts';
import { budgetWindows } from './budget-windows.ts';

export const voucherHeader = 'x-cloister-voucher';

/** Of its signature. No caller token has it, so that neither can pass for the other. */
export const voucherAudience = 'cloister-egress-voucher';

/**
 * Seconds for which one is good: the longest that a request may take, and the time before it in which its voucher may have been made. For that
 * long a pod can bill its own tenant's calls to a caller that it has heard from.
 */
export const voucherSeconds = longestRequestSeconds + 60;

/** `key:` and the id of an API key, or `user:` and half of the SHA-256 of a subject, in hexadecimal. No agent's name holds a colon. */
export const callerName = z.string().regex(/^(key:[0-9a-f]{12}|user:[0-9a-f]{32})$/);

export const voucher = z.object({
  /** UID of the Tenant: a second tenant of the same name is another tenant. */
  tenantUid: z.string().min(1),
  /** The agent to which edge passed the request. */
  agent: z.string().min(1),
  caller: callerName,
  /** What an API key may spend; absent means all that its tenant may. What users may spend stands in the tenant's policy. */
  budget: budgetWindows.optional(),
});
export type Voucher = z.infer<typeof voucher>;
