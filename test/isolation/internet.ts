/**
 * The internet, as far as a node without any has one: connections to a public address end at a server of the test, turned there by the node as a router
 * would. Everything before that (names, policies, the proxy's judgement of the address) meets it as it would meet the real one.
 */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { portOf } from '../../gateway/src/server/serve.ts';
import { runInside } from '../cluster/index.ts';
import type { World } from '../e2e/support/world.ts';

export const publicAddress = '93.184.216.34';
/** Of a Service whose one endpoint is that address: so the cluster's own DNS leads there, as it stands. */
const service = 'internet';
export const publicHost = `${service}.default.svc.cluster.local`;

export interface Internet extends AsyncDisposable {
  /** Connections that are open. What somebody says first decides: `echo …` is said back and ends it, `pour` is answered without end, all else is kept open. */
  readonly open: ReadonlySet<Socket>;
  readonly hangUp: () => void;
}

/** One a cluster at a time. */
export async function internet({ cluster, kubectl }: World): Promise<Internet> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => undefined).once('close', () => open.delete(socket));
    socket.once('data', (said) => {
      if (said.toString().startsWith('echo')) socket.end(said);
      if (said.toString().startsWith('pour')) pour(socket);
    });
  }).listen(0, cluster.hostIP);
  await once(server, 'listening');
  const nft = (...commands: readonly string[]) => runInside(cluster, ['nft', commands.join('; ')]);
  await nft(
    'add table ip internet',
    'flush table ip internet', // of a run that was cut off
    'add chain ip internet to-it { type nat hook prerouting priority dstnat; }',
    `add rule ip internet to-it ip daddr ${publicAddress} tcp dport 443 dnat to ${cluster.hostIP}:${portOf(server)}`,
  );
  await kubectl.apply(named);
  const hangUp = () => {
    for (const socket of open) socket.destroy();
  };
  return {
    open,
    hangUp,
    [Symbol.asyncDispose]: async () => {
      hangUp();
      server.close();
      await nft('delete table ip internet');
      await kubectl.run(['delete', 'service,endpointslice', service, '-n', 'default', '--ignore-not-found']);
    },
  };
}

const metadata = { name: service, namespace: 'default' };
const ports = [{ name: 'https', port: 443 }];
const named = [
  { apiVersion: 'v1', kind: 'Service', metadata, spec: { clusterIP: 'None', ports } },
  {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { ...metadata, labels: { 'kubernetes.io/service-name': service } },
    addressType: 'IPv4',
    ports,
    endpoints: [{ addresses: [publicAddress] }],
  },
];

const mebibyte = Buffer.alloc(1024 * 1024);
function pour(socket: Socket): void {
  const more = () => {
    while (!socket.destroyed && socket.write(mebibyte));
  };
  socket.on('drain', more);
  more();
}
