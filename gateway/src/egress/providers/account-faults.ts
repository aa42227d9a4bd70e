/**
 * What providers say of the account behind a key in words that stand for something else: as if the request were at fault, or as if there were
 * too many for a moment. Whoever sent the request can do nothing about it, another model by the same key fails alike, and where the key is the
 * tenant's own nobody else is to pay instead. One table for all, since any of them may stand behind a server that is merely compatible.
 *
 * Sources, as of November 2026; where documentation is silent, answers that people have put on record:
 * - OpenAI: platform.openai.com/docs/guides/error-codes (`insufficient_quota`); 400 `billing_hard_limit_reached`, dfinke/PowerShellAI#127;
 *   429 `billing_not_active`, BerriAI/litellm#2743.
 * - Anthropic: platform.claude.com/docs/en/api/errors (`billing_error`); as 400 `invalid_request_error` and told by the message alone: credit
 *   balance, continuedev/continue#5499; limits that the account has set itself, anthropics/claude-code#38035; disabled organizations,
 *   anthropics/claude-code#72457.
 * - Gemini: ai.google.dev/gemini-api/docs/generate-content/api-errors (400 `FAILED_PRECONDITION`: billing is to be enabled); 400
 *   `API_KEY_INVALID` for keys that are wrong, expired or deleted, continuedev/continue#11336, google-gemini/gemini-cli#25198.
 * - Bedrock: docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html.
 * - xAI: 400 with the message as the error, openai/codex#1352.
 * - Alibaba Model Studio: help.aliyun.com/zh/model-studio/error-code (400 `Arrearage`).
 * - LiteLLM's proxy: 400, later 429 `budget_exceeded`, BerriAI/litellm#4606 and #36729.
 *
 * Guarantee: names are the provider's own fields; messages are matched from their beginning, before anything of a request can be quoted in them.
 */
import type { ProviderDocument } from '@cloister/tenancy';
import { z } from 'zod';
import type { ErrorWords, Headers } from './openai/failure.ts';
import { ProviderFailure } from './provider.ts';

/** The status that says it: the key is not taken (401), may not do this (403), the account is to be paid for (402), or has its fill (429). */
type Meaning = 401 | 402 | 403 | 429;

interface Sign {
  /** By which the error is named: its code, type, kind or reason. */
  readonly named?: readonly string[];
  /** How its message begins, where its name says nothing. */
  readonly says?: RegExp;
  /** Where others mean something else by that. */
  readonly only?: ProviderDocument['type'];
  readonly means: Meaning;
}

const signs: readonly Sign[] = [
  { named: ['insufficient_quota', 'billing_hard_limit_reached', 'billing_not_active'], means: 402 },
  { named: ['billing_error'], means: 402 },
  { says: /^your credit balance is too low/i, means: 402 },
  { says: /^you have reached your specified (workspace )?api usage limits/i, means: 402 },
  { says: /^this organization has been disabled/i, means: 403 },
  { named: ['API_KEY_INVALID'], means: 401 },
  { named: ['FAILED_PRECONDITION'], only: 'Gemini', means: 402 },
  { named: ['AccessDeniedException', 'NotAuthorized'], means: 403 },
  { named: ['ExpiredTokenException', 'IncompleteSignature', 'IncompleteSignatureException', 'UnrecognizedClientException'], means: 403 },
  { named: ['ServiceQuotaExceededException'], means: 429 },
  { named: ['invalid_api_key'], means: 401 },
  { says: /^incorrect api key provided/i, means: 401 },
  { named: ['Arrearage'], means: 402 },
  { named: ['budget_exceeded'], means: 402 },
];

/** Statuses that may mean something else: those of a request at fault, and of too many. */
const ambiguous: ReadonlySet<number> = new Set([400, 404, 422, 429]);

/** Undefined where the status says what is wrong. What comes of it has none of the provider's words, which may tell of the account or quote the key. */
export function accountFault(
  failure: ProviderFailure,
  { error, headers, type }: { readonly error: ErrorWords; readonly headers: Headers; readonly type: ProviderDocument['type'] },
): ProviderFailure | undefined {
  if (!ambiguous.has(failure.status)) return undefined;
  const names = namesOf(error, headers);
  const { message = '' } = error;
  const sign = signs.find(
    ({ named = [], says, only }) =>
      (only === undefined || only === type) && (named.some((name) => names.includes(name)) || says?.test(message) === true),
  );
  if (!sign) return undefined;
  const { retryAfterSeconds } = failure;
  // how long that lasts is as it was said, and whoever pays it is not paid for by waiting
  if (failure.status === 429) return sign.means === 402 ? new ProviderFailure(429, { retryAfterSeconds, quotaSpent: true }) : undefined;
  return new ProviderFailure(sign.means, { retryAfterSeconds });
}

const details = z.array(z.looseObject({ reason: z.string().optional() }));

function namesOf(error: ErrorWords, headers: Headers): string[] {
  const reasons = details.safeParse(error['details']).data ?? [];
  const named = [error.code, error['type'], error['status'], kindOf(error['__type']), kindOf(headers['x-amzn-errortype'])];
  return [...named, ...reasons.map(({ reason }) => reason)].filter((name) => typeof name === 'string');
}

/** AWS has a namespace before its kinds, and an address behind them. */
const kindOf = (text: unknown): string | undefined => (typeof text === 'string' ? text.split('#').at(-1)?.split(':')[0] : undefined);
