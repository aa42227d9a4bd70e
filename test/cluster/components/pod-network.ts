import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Addresses } from '../addresses.ts';

const bridge = 'cni0';

/** The bridge all pods hang on. Made before the first pod, because the API server's and the ingress' replies must find it. */
export function podNetwork({ podGateway, podCIDR, serviceCIDR }: Addresses): string[][] {
  const prefix = podCIDR.split('/')[1] ?? '';
  return [
    ['ip', 'link', 'add', bridge, 'type', 'bridge'],
    ['ip', 'address', 'add', `${podGateway}/${prefix}`, 'dev', bridge],
    ['ip', 'link', 'set', 'dev', bridge, 'up'],
    // the node has no default route, and a connection needs a route before kube-proxy can turn it to a pod
    ['ip', 'route', 'add', serviceCIDR, 'dev', bridge],
    // both are settings of this network namespace alone
    ['sysctl', '-qw', 'net.ipv4.ip_forward=1'],
    // so that NetworkPolicies also see what stays on the bridge
    ['sysctl', '-qw', 'net.bridge.bridge-nf-call-iptables=1'],
    ...closedUntilKnown('FORWARD', podCIDR),
    ...closedUntilKnown('INPUT', podCIDR),
  ];
}

/** With this the enforcer marks, and lets through, what the policies of a pod allow; a pod without policies is allowed everything. */
const allowed = '0x20000/0x20000';

/**
 * The enforcer learns of a pod when the API server knows its address, which is after the pod has started. Until then it has no rules for
 * it, and its first packets would go anywhere. So what comes from a pod and was not allowed is dropped: the packet is sent again a second
 * later.
 */
function closedUntilKnown(chain: string, podCIDR: string): string[][] {
  const beginning = ['-m', 'conntrack', '--ctstate', 'NEW'];
  return [['iptables', '-A', chain, '-s', podCIDR, ...beginning, '-m', 'mark', '!', '--mark', allowed, '-j', 'DROP']];
}

export async function writePodNetworkConfig(dir: string, { podCIDR, podGateway }: Addresses): Promise<void> {
  const ranges = [[{ subnet: podCIDR, gateway: podGateway }]];
  const config = {
    cniVersion: '1.0.0',
    name: 'pods',
    plugins: [
      {
        type: 'bridge',
        bridge,
        isGateway: true,
        hairpinMode: true,
        ipam: { type: 'host-local', ranges, routes: [{ dst: '0.0.0.0/0' }] },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  };
  await mkdir(join(dir, 'config', 'cni'), { recursive: true });
  await writeFile(join(dir, 'config', 'cni', '10-pods.conflist'), JSON.stringify(config, null, 2));
}
