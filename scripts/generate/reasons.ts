/** The page of all reasons, from the operator's own table. */
import { reasons } from '../../operator/src/status/reasons.ts';

export const reasonsFile = 'reasons.md';

const kinds = {
  good: 'All is well: `Ready` is True, or the part is as it should be.',
  waits: 'The operator goes on by itself: `Reconciling` is True.',
  'needs someone': 'A person must change something, and the message says what: `Stalled` is True.',
} as const;

export function reasonsPage(): string {
  const rows = Object.entries(reasons).map(([reason, { kind, means }]) => `| \`${reason}\` | ${kind} | ${means} |`);
  return [
    '<!-- Generated from operator/src/status/reasons.ts by "npm run generate". -->',
    '# Reasons',
    'Every `reason` that a condition of a Tenant, AgentConfig, TenantClass or ModelProvider can give. `Ready`, `Reconciling` and `Stalled` ' +
      'sum up, as kstatus has it; the other conditions say which part is meant. What each reason means for them:',
    Object.entries(kinds)
      .map(([kind, means]) => `- **${kind}**: ${means}`)
      .join('\n'),
    ['| reason | kind | meaning |', '|---|---|---|', ...rows].join('\n'),
  ]
    .join('\n\n')
    .concat('\n');
}
