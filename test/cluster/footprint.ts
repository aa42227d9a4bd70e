import { readdir, readFile } from 'node:fs/promises';
import { attempt } from './command.ts';

/** What a cluster could leave behind on this machine, as lists that can be compared. */
export interface Footprint {
  readonly mounts: readonly string[];
  readonly links: readonly string[];
  readonly routes: readonly string[];
  readonly rules: readonly string[];
  readonly settings: readonly string[];
  readonly groups: readonly string[];
  readonly files: readonly string[];
}

/** What of the machine a node could reach from its namespaces: the kubelet's wishes, forwarding, and the table of connections. */
const settings = [
  ...['kernel/keys/root_maxbytes', 'kernel/keys/root_maxkeys', 'kernel/panic', 'kernel/panic_on_oops'],
  ...['net/bridge/bridge-nf-call-iptables', 'net/ipv4/conf/all/route_localnet', 'net/ipv4/ip_forward', 'net/netfilter/nf_conntrack_max'],
  ...['vm/overcommit_memory', 'vm/panic_on_oom'],
];

/** Where programs leave files by habit. Only names: what is in a file of somebody else is theirs. */
const places = ['/etc', '/run', '/usr/sbin', '/var/lib', '/var/log'];

/** The machine as it is now. */
export async function footprint(): Promise<Footprint> {
  return {
    mounts: await lines('cut', ['-d', ' ', '-f', '3-', '/proc/self/mountinfo']),
    links: await lines('ip', ['-oneline', '-brief', 'link', 'show']),
    routes: await lines('ip', ['route', 'show', 'table', 'all']),
    rules: [...(await lines('nft', ['--stateless', 'list', 'ruleset'])), ...(await lines('ipset', ['list', '-name']))],
    settings: await Promise.all(settings.map(async (name) => `${name}=${await readFile(`/proc/sys/${name}`, 'utf8').catch(() => 'none')}`)),
    groups: await lines('find', ['/sys/fs/cgroup', '-type', 'd']),
    files: [...(await lines('find', [...places, '-xdev'])), ...(await lines('find', ['/tmp', '/var/tmp', '-maxdepth', '1']))],
  };
}

/** Processes, of whatever namespace, that a cluster's machine or its containers consist of. */
export async function processesOf(group: string, machinePID: number): Promise<number[]> {
  const found: number[] = [];
  for (const name of await readdir('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    const [groups, status] = await Promise.all(
      ['cgroup', 'status'].map((file) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '')),
    );
    if (pid === machinePID || groups?.includes(`/${group}/`) || parentOf(status ?? '') === machinePID) found.push(pid);
  }
  return found;
}

function parentOf(status: string): number {
  return Number(/^PPid:\s*(\d+)/m.exec(status)?.[1]);
}

async function lines(program: string, args: readonly string[]): Promise<string[]> {
  const { stdout } = await attempt(program, args); // find reports what vanishes while it looks; that is not a failure here
  return stdout.split('\n').filter((line) => line !== '');
}
