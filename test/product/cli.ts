import { parseArgs } from 'node:util';
import { ClusterError } from '../cluster/errors.ts';
import { loadImages } from '../cluster/images/load.ts';
import { clusterStatus, startCluster, stopCluster, type Cluster } from '../cluster/index.ts';
import { Progress } from '../cluster/progress.ts';
import { demonstrate } from './demo.ts';
import { onExistingCluster } from './existing.ts';
import { productImages } from './images.ts';
import { applyExamples, installChart } from './install.ts';
import { statusOf, statusText } from './status.ts';
import { targetOf, type Target } from './target.ts';
import { join } from 'node:path';

const usage = `usage: node test/product/cli.ts <command> [--name NAME]

  up       the embedded cluster with Cloister, the examples and a question to each tenant's agent
           With KUBECONFIG and CLOISTER_REGISTRY set: the same on that cluster, its images pushed to that registry.
           --no-examples  stops after the chart
  down     stops the cluster and removes everything of it
  status   how to reach what runs; --format json for programs`;

const print = (line: string): void => void process.stdout.write(`${line}\n`);

const placesOf = ({ kubeconfig, ingressURL, dir }: Cluster) => ({
  kubeconfig,
  ingressURL,
  keysDir: join(dir, 'keys'),
  binDir: join(dir, 'bin'),
});

async function up(name: string, examples: boolean): Promise<void> {
  const progress = new Progress();
  const { KUBECONFIG: kubeconfig, CLOISTER_REGISTRY: registry } = process.env;
  if (kubeconfig !== undefined && registry !== undefined) {
    await onExistingCluster({ kubeconfig, registry, progress }, (target) => (examples ? show(target, progress) : Promise.resolve()));
    return;
  }
  const cluster = await startCluster({ name, progress });
  const images = await productImages(progress);
  await progress.step('loaded images', () => loadImages(cluster.pid, images.archives));
  const target = await targetOf(placesOf(cluster), progress);
  await installChart(target, images, progress);
  if (examples) await show(target, progress);
}

async function show(target: Target, progress: Progress): Promise<void> {
  await applyExamples(target, progress);
  const status = await statusOf(target);
  await demonstrate(target, status, print);
  print(`\n${await target.kubectl(['get', 'tenants,agentconfigs', '--all-namespaces'])}`);
  print(statusText(status));
  const [first] = status.tenants;
  if (first) {
    print('\nGo on:');
    print(`  export KUBECONFIG=${target.kubeconfig}${target.binDir === undefined ? '' : ` PATH=${target.binDir}:$PATH`}`);
    print(
      `  curl ${first.baseURL}/chat/completions -H "authorization: Bearer $(cat ${first.apiKeyFile})" -H 'content-type: application/json' \\`,
    );
    print(`    -d '{"model":"${first.agents[0] ?? ''}","messages":[{"role":"user","content":"Hello"}]}'`);
    print('  kubectl edit agentconfig -n ' + first.namespace + '      make status      make down');
  }
  progress.say('done');
}

async function status(name: string, format: string): Promise<void> {
  const cluster = await clusterStatus(name);
  if (!cluster) throw new ClusterError('unknown_cluster', { name });
  const target = await targetOf(placesOf(cluster), new Progress());
  const seen = await statusOf(target);
  print(format === 'json' ? JSON.stringify(seen, null, 2) : statusText(seen));
}

async function main(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      name: { type: 'string', default: 'dev' },
      format: { type: 'string', default: 'text' },
      'no-examples': { type: 'boolean', default: false },
    },
  });
  switch (positionals.join(' ')) {
    case 'up':
      return up(values.name, !values['no-examples']);
    case 'down':
      return stopCluster(values.name);
    case 'status':
      return status(values.name, values.format);
    default:
      process.stderr.write(`${usage}\n`);
      process.exitCode = 2;
  }
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof ClusterError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
