import { parseArgs } from 'node:util';
import { startControlPlane } from './control-plane.ts';
import { startCluster } from './cluster.ts';
import { ClusterError } from './errors.ts';
import { Progress } from './progress.ts';
import { clusterStatus } from './status.ts';
import { stopCluster } from './stop.ts';

const usage = `usage: node test/cluster/cli.ts <command> [--name NAME]

  up                  the whole cluster; prints how to reach it as JSON
  down                stops it and removes everything of it
  status              the same JSON for a running one
  control-plane up    etcd and an API server, nothing else; prints the path of its kubeconfig
                      --controllers  also Kubernetes' own controllers
  control-plane down  stops it and removes everything of it`;

async function main(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { name: { type: 'string', default: 'dev' }, controllers: { type: 'boolean', default: false } },
  });
  switch (positionals.join(' ')) {
    case 'up':
      print(await startCluster({ name: values.name, progress: new Progress() }));
      return;
    case 'status': {
      const cluster = await clusterStatus(values.name);
      if (!cluster) throw new ClusterError('unknown_cluster', { name: values.name });
      print(cluster);
      return;
    }
    case 'control-plane up': {
      const { kubeconfig } = await startControlPlane({ name: values.name, controllers: values.controllers, progress: new Progress() });
      process.stdout.write(`${kubeconfig}\n`);
      return;
    }
    case 'control-plane down':
    case 'down':
      await stopCluster(values.name);
      return;
    default:
      process.stderr.write(`${usage}\n`);
      process.exitCode = 2;
  }
}

function print(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof ClusterError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
