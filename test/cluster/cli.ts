import { spawn } from 'node:child_process';
import { parseArgs } from 'node:util';
import { startCluster } from './cluster.ts';
import { startControlPlane } from './control-plane.ts';
import { ClusterError } from './errors.ts';
import { baseImage, clusterImages } from './images/images.ts';
import { enterMachine, pathOf } from './machine/launch.ts';
import { Progress } from './progress.ts';
import { clusterStatus, type Cluster } from './status.ts';
import { stopCluster } from './stop.ts';

const usage = `usage: node test/cluster/cli.ts <command> [--name NAME]

  up                  the whole cluster, without Cloister; prints how to reach it as JSON
  down                stops it and removes everything of it
  status              the same JSON for a running one
  exec -- PROGRAM …   runs a program on the node, for example: exec -- nft list ruleset
  images              builds the cluster's own images, which up does too
  control-plane up    etcd and an API server, nothing else; prints the path of its kubeconfig
                      --controllers  also Kubernetes' own controllers
  control-plane down  the same as down`;

const print = (text: string): void => void process.stdout.write(`${text}\n`);

async function running(name: string): Promise<Cluster> {
  const cluster = await clusterStatus(name);
  if (!cluster) throw new ClusterError('unknown_cluster', { name });
  return cluster;
}

/** Passwords are left out: what is printed ends in logs. They are in the Secrets of namespace cloister-data. */
function describe({ postgres: _postgres, redis: _redis, ...rest }: Cluster): string {
  return JSON.stringify(rest, null, 2);
}

async function execute(name: string, command: readonly string[]): Promise<void> {
  const { pid } = await running(name);
  const { program, args } = enterMachine(pid, await pathOf(pid), command);
  const child = spawn(program, args, { stdio: 'inherit' });
  process.exitCode = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
}

interface Arguments {
  readonly name: string;
  readonly controllers: boolean;
  /** What follows the command. */
  readonly rest: readonly string[];
  readonly progress: Progress;
}

const commands: Readonly<Record<string, (args: Arguments) => Promise<void>>> = {
  up: async (args) => print(describe(await startCluster(args))),
  down: ({ name }) => stopCluster(name),
  status: async ({ name }) => print(describe(await running(name))),
  exec: ({ name, rest }) => execute(name, rest),
  images: async ({ progress }) => {
    const archives = [await baseImage(progress), ...(await clusterImages(progress))];
    print(archives.map(({ image, file }) => `${image}  ${file}`).join('\n'));
  },
  'control-plane up': async (args) => print((await startControlPlane(args)).kubeconfig),
  'control-plane down': ({ name }) => stopCluster(name),
};

async function main(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { name: { type: 'string', default: 'dev' }, controllers: { type: 'boolean', default: false } },
  });
  const words = positionals[0] === 'control-plane' ? 2 : 1;
  const command = commands[positionals.slice(0, words).join(' ')];
  if (command) return command({ ...values, rest: positionals.slice(words), progress: new Progress() });
  process.stderr.write(`${usage}\n`);
  process.exitCode = 2;
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof ClusterError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
