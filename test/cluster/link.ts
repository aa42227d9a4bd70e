import { attempt, run } from './command.ts';
import { addressesOf, slots, type Addresses } from './addresses.ts';
import { ClusterError } from './errors.ts';

/**
 * Claims a free slot by making its network link, which the kernel lets only one do. The link's alias says whose it is, so that a
 * cut-off start can be cleaned up.
 */
export async function claimSlot(owner: string): Promise<Addresses> {
  for (let slot = 0; slot < slots; slot++) {
    const addresses = addressesOf(slot);
    const { link, nodeLink } = addresses;
    const made = await attempt('ip', ['link', 'add', link, 'type', 'veth', 'peer', 'name', nodeLink]);
    if (made.status !== 0) {
      if (made.stderr.includes('File exists')) continue;
      throw new ClusterError('command_failed', { command: `ip link add ${link} type veth`, status: made.status, tail: made.stderr });
    }
    await run('ip', ['link', 'set', 'dev', link, 'alias', owner]);
    await run('ip', ['address', 'add', `${addresses.hostIP}/30`, 'dev', link]);
    await run('ip', ['link', 'set', 'dev', link, 'up']);
    return addresses;
  }
  throw new ClusterError('no_slot', { count: slots });
}

/** Lets this machine, and so the tests on it, reach the pods and Services inside. The routes go when the link goes. */
export async function addRoutes({ link, nodeIP, podCIDR, serviceCIDR }: Addresses): Promise<void> {
  for (const range of [podCIDR, serviceCIDR]) await run('ip', ['route', 'replace', range, 'via', nodeIP, 'dev', link]);
}

/** Removes the links an owner has left; most have already gone with their namespace. */
export async function removeLinks(owner: string): Promise<void> {
  for (const link of await linksOf(owner)) await attempt('ip', ['link', 'delete', 'dev', link]);
}

async function linksOf(owner: string): Promise<string[]> {
  const listed = await run('ip', ['-details', '-oneline', 'link', 'show', 'type', 'veth']);
  return listed
    .split('\n')
    .filter((line) => line.includes(`alias ${owner} `) || line.endsWith(`alias ${owner}`))
    .map((line) => /^\d+: ([^@:]+)/.exec(line)?.[1] ?? '')
    .filter((name) => name !== '');
}
