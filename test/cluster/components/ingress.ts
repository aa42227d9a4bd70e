import { join } from 'node:path';
import type { Addresses } from '../addresses.ts';
import { bundleProgram } from '../bundle.ts';
import { component, flags, type Component } from '../machine/plan.ts';
import { inside, repository } from '../paths.ts';

const healthPort = 10260;
const config = `${inside.cluster}/config/nginx.conf`;

/** nginx, and the program that writes its configuration. nginx comes second: it starts with the first configuration. */
export function ingress({ nodeIP }: Addresses): Component[] {
  const options = flags({ kubeconfig: `${inside.cluster}/config/admin.kubeconfig`, config, address: nodeIP, port: healthPort });
  const controller = component('ingress-controller', [`${inside.node}/node`, `${inside.cluster}/config/ingress.mjs`, ...options], {
    after: ['kube-apiserver'],
    ready: { url: `http://127.0.0.1:${healthPort}/` },
  });
  const nginx = component('nginx', ['nginx', '-e', 'stderr', '-c', config, '-g', 'daemon off;'], { after: [controller.name] });
  return [controller, nginx];
}

/** One file, because the node does not see this repository. */
export async function bundleIngressController(dir: string): Promise<void> {
  await bundleProgram(join(repository, 'test/cluster/ingress/main.ts'), join(dir, 'config', 'ingress.mjs'));
}
