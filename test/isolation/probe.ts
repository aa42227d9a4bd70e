/**
 * A pod that tries to open TCP connections and tells which of them opened.
 *
 * It runs the agent's own image under the agent's own labels, so every policy that holds for an agent holds for it. It tries from its first
 * instant on and again for a few seconds: a policy that comes late is found out by the packet that slips through before it.
 */
import { until } from '../e2e/support/until.ts';
import type { World } from '../e2e/support/world.ts';
import { z } from 'zod';

export interface Target {
  readonly name: string;
  readonly host: string;
  readonly port: number;
}

export interface ProbeOptions {
  readonly name: string;
  readonly namespace: string;
  readonly image: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly targets: readonly Target[];
}

const script = `
const net = require('node:net');
const targets = JSON.parse(process.env.TARGETS);
const once = ({ host, port }) => new Promise((done) => {
  const socket = net.connect({ host, port, timeout: 1500 });
  socket.once('connect', () => { socket.destroy(); done(true); });
  for (const event of ['error', 'timeout']) socket.once(event, () => { socket.destroy(); done(false); });
});
(async () => {
  const open = Object.fromEntries(targets.map(({ name }) => [name, false]));
  for (let round = 0; round < 4; round++) {
    await Promise.all(targets.map(async (target) => { if (await once(target)) open[target.name] = true; }));
    await new Promise((wake) => setTimeout(wake, 300));
  }
  console.log('RESULT ' + JSON.stringify(open));
})();
`;

const podOf = ({ name, namespace, image, labels, targets }: ProbeOptions): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace, labels },
  spec: {
    restartPolicy: 'Never',
    automountServiceAccountToken: false,
    securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [
      {
        name: 'probe',
        image,
        imagePullPolicy: 'IfNotPresent',
        command: ['node', '-e', script],
        env: [{ name: 'TARGETS', value: JSON.stringify(targets) }],
        securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] }, readOnlyRootFilesystem: true },
        resources: { requests: { cpu: '10m', memory: '64Mi' }, limits: { cpu: '500m', memory: '128Mi' } },
      },
    ],
  },
});

/** Which targets opened, by name. The pod is gone afterwards. */
export async function probe({ kubectl }: World, options: ProbeOptions): Promise<Readonly<Record<string, boolean>>> {
  await kubectl.apply(podOf(options));
  try {
    const line = await until(
      `the result of probe ${options.namespace}/${options.name}`,
      async () => {
        const log = await kubectl.run(['logs', '-n', options.namespace, options.name]);
        return log.split('\n').find((text) => text.startsWith('RESULT '));
      },
      { within: 90_000, every: 500 },
    );
    return z.record(z.string(), z.boolean()).parse(JSON.parse(line.slice('RESULT '.length)));
  } finally {
    await kubectl.run(['delete', 'pod', '-n', options.namespace, options.name, '--grace-period=0', '--force', '--ignore-not-found']);
  }
}
