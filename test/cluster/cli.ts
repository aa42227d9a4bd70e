import { parseArgs } from 'node:util';
import { startControlPlane } from './control-plane.ts';
import { ClusterError } from './errors.ts';
import { Progress } from './progress.ts';
import { stopCluster } from './stop.ts';

const usage = `usage: node test/cluster/cli.ts <command> [--name NAME]

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

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof ClusterError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
