/** Installs or upgrades Cloister with its chart, and applies the examples. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { repository } from '../cluster/paths.ts';
import type { Progress } from '../cluster/progress.ts';
import { namespaces } from '@cloister/tenancy';
import type { ProductImages } from './images.ts';
import type { Target } from './target.ts';

export const baseDomain = 'cloister.localhost';

/**
 * Where the chart would name IPv4 and IPv6. The embedded cluster has IPv4 alone, and its policy enforcer stops at the first IPv6 exception
 * that it meets, leaving all policies of the cluster as they were.
 */
const anyIPv4 = { peers: [{ ipBlock: { cidr: '0.0.0.0/0', except: ['169.254.0.0/16'] } }] };

/** Values for one small node: one replica of each part, its hosts served by the shared Ingress too. Its kubelet brings changes within four seconds. */
const valuesFor = ({ registry, tags }: ProductImages): object => ({
  images: {
    registry,
    operator: { tag: tags.operator },
    gateway: { tag: tags.gateway },
    agentRuntime: { tag: tags['agent-runtime'] },
  },
  ingress: { baseDomain, className: 'nginx' },
  rotation: { settleSeconds: 8 },
  operator: { replicas: 1 },
  edge: { replicas: 1, sharedIngress: { enabled: true } },
  egress: { replicas: 1 },
  networkPolicy: {
    apiServer: { ports: [443, 6443], ...anyIPv4 },
    oidcIssuers: { ports: [443], ...anyIPv4 },
    providers: { ports: [], ...anyIPv4 },
  },
});

export async function installChart(target: Target, images: ProductImages, progress: Progress): Promise<void> {
  const set = Object.entries(valuesFor(images)).flatMap(([name, value]) => ['--set-json', `${name}=${JSON.stringify(value)}`]);
  await progress.step('installed the chart', () =>
    target.helm([
      ...['upgrade', '--install', 'cloister', join(repository, 'charts/cloister'), '--namespace', namespaces.system, '--create-namespace'],
      ...['--wait', '--timeout', '3m', ...set],
    ]),
  );
}

/** Applies `examples/` in the order of their names; tenants are Ready before agents go into their namespaces. */
export async function applyExamples({ kubectl }: Target, progress: Progress): Promise<void> {
  const folder = join(repository, 'examples');
  const files = (await readdir(folder)).filter((file) => file.endsWith('.yaml')).sort();
  for (const file of files) {
    await kubectl(['apply', '-f', join(folder, file)]);
    await progress.step(`${file} Ready`, () => kubectl(waitReady(join(folder, file))));
  }
  // A tenant with an agent that is not Ready is not Ready either: once more, now that the agents are.
  await kubectl(waitReady(join(folder, '03-tenants.yaml')));
}

const waitReady = (file: string): string[] => ['wait', '-f', file, '--for=condition=Ready', '--timeout=120s'];
