/** `node gateway.mjs edge|egress|audit`: one image, two servers that share no secret, and the audit's own command. */
const roles: Readonly<Record<string, () => Promise<void>>> = {
  edge: async () => (await import('./edge/main.ts')).runEdge(),
  egress: async () => (await import('./egress/main.ts')).runEgress(),
  audit: async () => void (process.exitCode = await (await import('./egress/audit/command.ts')).runAudit(process.argv.slice(3))),
};

const role = process.argv[2] ?? '';
const run = roles[role];
if (!run) {
  process.stderr.write(`usage: gateway ${Object.keys(roles).join('|')}\n`);
  process.exit(2);
}
await run();
