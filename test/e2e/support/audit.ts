/** The audit's command as a platform engineer calls it: exports in egress's pod, verifies where there is no network. */
import { namespaces } from '@cloister/tenancy';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { repository } from '../../cluster/paths.ts';
import type { World } from './world.ts';

/** The lines of the tenant's chain. By UID: others may have had the tenant's name before. */
export async function exportAudit({ kubectl }: World, uid: string): Promise<string[]> {
  const command = ['/usr/local/bin/node', '/app/gateway.mjs', 'audit', 'export', '--tenant', uid];
  const text = await kubectl.run(['-n', namespaces.system, 'exec', 'deploy/egress', '--', ...command]);
  return text.trimEnd().split('\n');
}

/** In a network namespace of its own, in which there is nothing, and without any setting. */
export function verifyOffline(lines: readonly string[], anchor?: string): { readonly code: number; readonly told: string } {
  const gateway = join(repository, 'gateway', 'src', 'main.ts');
  const args = [
    '--map-root-user',
    '--net',
    process.execPath,
    gateway,
    'audit',
    'verify',
    ...(anchor === undefined ? [] : ['--anchor', anchor]),
  ];
  const { status, stdout, stderr } = spawnSync('unshare', args, { input: `${lines.join('\n')}\n`, encoding: 'utf8', env: {} });
  return { code: status ?? -1, told: `${stdout}${stderr}` };
}
