import type { AgentDocument } from '@cloister/tenancy';

/** Fills in `{{tenant}}`, `{{agent}}` and `{{date}}` (UTC, YYYY-MM-DD). Any other braces are the author's own and stay. */
export function fillInstructions(
  { instructions, tenant, agent }: Pick<AgentDocument, 'instructions' | 'tenant' | 'agent'>,
  now: Date,
): string {
  const values: Readonly<Record<string, string>> = { tenant, agent, date: now.toISOString().slice(0, 10) };
  return instructions.replace(/\{\{\s*(\w+)\s*\}\}/g, (whole, name: string) =>
    Object.hasOwn(values, name) ? (values[name] ?? whole) : whole,
  );
}

/** The system prompt: what the AgentConfig says, then what the tenant's settings add. Undefined when neither says anything. */
export function systemPrompt(document: AgentDocument, additional: string | undefined, now: Date): string | undefined {
  const text = [fillInstructions(document, now), additional ?? ''].filter((part) => part.trim() !== '').join('\n\n');
  return text === '' ? undefined : text;
}
