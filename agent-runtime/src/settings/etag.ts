/** Strong entity tags (RFC 9110, 8.8.3) of one agent's settings. */
import { createHash } from 'node:crypto';
import { canonicalJSON, type AgentDocument } from '@cloister/tenancy';
import { fail } from '../errors.ts';

/** The tag covers the stored version and what the AgentConfig contributes to the answer, so it changes with either. */
export function settingsTag(version: number, { model, parameters, settings }: AgentDocument): string {
  const configured = createHash('sha256').update(canonicalJSON({ model, parameters, settings })).digest('hex').slice(0, 12);
  return `"${version}-${configured}"`;
}

/**
 * The version that a write must still find, or undefined when `*` allows any. Throws 428 without the header and 412 when no tag matches;
 * weak tags never match, as If-Match compares strongly.
 */
export function requiredVersion(ifMatch: string | undefined, current: number, document: AgentDocument): number | undefined {
  if (ifMatch === undefined || ifMatch.trim() === '') throw fail('precondition_required', { param: 'if-match' });
  const tags = ifMatch.split(',').map((tag) => tag.trim());
  if (tags.includes('*')) return undefined;
  if (tags.includes(settingsTag(current, document))) return current;
  throw fail('precondition_failed', { param: 'if-match' });
}
