import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Addresses } from '../addresses.ts';

const bridge = 'cni0';

/** The bridge all pods hang on. Made before the first pod, because the API server's and the ingress' replies must find it. */
export function podNetwork(addresses: Addresses): string[][] {
  const { podGateway, podCIDR, serviceCIDR } = addresses;
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
    ...gate(addresses),
  ];
}

/**
 * A set of the pods that may open connections, kept by the policy enforcer: a pod is in it once the rules for it are in place. Without it
 * the first packets of a pod would go anywhere, since the enforcer learns of a pod only after it has started. A packet that is dropped
 * here is sent again a second later.
 */
function gate({ podCIDR, podGateway }: Addresses): string[][] {
  const table = ['ip', 'gate'];
  return [
    ['nft', 'add', 'table', ...table],
    ['nft', 'add', 'set', ...table, 'known', '{ type ipv4_addr; }'],
    ['nft', 'add', 'element', ...table, 'known', `{ ${podGateway} }`],
    ['nft', 'add', 'chain', ...table, 'from-pods', '{ type filter hook prerouting priority -150; }'],
    ['nft', 'add', 'rule', ...table, 'from-pods', 'ip', 'saddr', podCIDR, 'ct', 'state', 'new', 'ip', 'saddr', '!=', '@known', 'drop'],
  ];
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
