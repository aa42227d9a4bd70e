/** Which requests have the same answer again. Pure. */
import type { ChatRequest } from '../chat/request.ts';
import type { JsonObject } from '../providers/provider.ts';

/** Bytes of a request. A longer one is likely the only one of its kind, and hashing it would hold up others. */
const longestRequest = 256 * 1024;

/**
 * What makes two chat completions the same; undefined where they need not be: the caller wants no dice to be thrown (temperature 0), or the same
 * dice (a seed). A completion that the provider is to store for later has an effect beside its answer. `bytes` is the length of the body.
 */
export function repeatableChat({ model: _model, ...request }: ChatRequest, bytes: number): JsonObject | undefined {
  const settled = request['temperature'] === 0 || Number.isInteger(request['seed']);
  return settled && request['store'] !== true && bytes <= longestRequest ? request : undefined;
}

/** Vectors are the same for the same text, always. */
export const repeatableEmbeddings = (request: JsonObject, bytes: number): JsonObject | undefined =>
  bytes <= longestRequest ? request : undefined;
