/**
 * Amazon Bedrock by its endpoints for OpenAI's clients, with an API key of Bedrock's as bearer token. The kind of an error stands in a
 * header or beside its message, and says more than the status: some of what is wrong with the platform's account comes as if the request
 * were at fault.
 */
import type { Dialect } from '../openai/openai.ts';
import { ProviderFailure } from '../provider.ts';

/** The key, or what it may do. */
const notAllowed: ReadonlySet<string> = new Set([
  'AccessDeniedException',
  'ExpiredTokenException',
  'IncompleteSignature',
  'IncompleteSignatureException',
  'NotAuthorized',
  'UnrecognizedClientException',
]);

export const bedrock: Partial<Dialect> = {
  failure: (failure, error, headers) => {
    const kind = kindOf(headers['x-amzn-errortype']) ?? kindOf(error['__type']) ?? '';
    if (notAllowed.has(kind)) return new ProviderFailure(403);
    return kind === 'ServiceQuotaExceededException' ? new ProviderFailure(429) : failure;
  },
};

/** Without the namespace before it and the address behind it. */
const kindOf = (text: unknown): string | undefined => (typeof text === 'string' ? text.split('#').at(-1)?.split(':')[0] : undefined);
