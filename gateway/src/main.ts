/** `node gateway.mjs edge|egress`: one image, two servers that share no secret. */
const roles: Readonly<Record<string, () => Promise<void>>> = {
  edge: async () => (await import('./edge/main.ts')).runEdge(),
  egress: async () => (await import('./egress/main.ts')).runEgress(),
};

const role = process.argv[2] ?? '';
const run = roles[role];
if (!run) {
  process.stderr.write(`usage: gateway ${Object.keys(roles).join('|')}\n`);
  process.exit(2);
}
await run();
