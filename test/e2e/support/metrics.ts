/** What Cloister's own pods answer at /metrics, asked for by way of the API server. */
import { namespaces, ports } from '@cloister/tenancy';
import type { World } from './world.ts';

/** Of each pod of a component that runs. */
export async function metricsOf({ kubectl }: World, component: 'edge' | 'egress' | 'operator'): Promise<string[]> {
  const label = `app.kubernetes.io/component=${component}`;
  const pods = await kubectl.list('pod', ['-n', namespaces.system, '-l', label, '--field-selector=status.phase=Running']);
  if (pods.length === 0) throw new Error(`no pod of ${component} runs`);
  return Promise.all(
    pods.map(({ metadata }) =>
      kubectl.run(['get', '--raw', `/api/v1/namespaces/${namespaces.system}/pods/${metadata.name}:${ports.metrics}/proxy/metrics`]),
    ),
  );
}

/** Sum over all pods of the series of this name that have these labels. */
export function sumOf(texts: readonly string[], metric: string, labels: Readonly<Record<string, string>>): number {
  const wanted = Object.entries(labels).map(([name, value]) => `${name}="${value}"`);
  return texts
    .flatMap((text) => text.split('\n'))
    .filter((line) => line.startsWith(`${metric}{`) && wanted.every((label) => line.includes(label)))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

/** The same by pod, in the order of their names. */
export const countsByPod = async (
  world: World,
  component: 'edge' | 'egress',
  metric: string,
  labels: Readonly<Record<string, string>>,
): Promise<number[]> => (await metricsOf(world, component)).map((text) => sumOf([text], metric, labels));
