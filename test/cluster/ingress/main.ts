/**
 * The Ingress implementation of the embedded cluster: watches Ingresses and Services, and keeps the node's nginx in step.
 *
 * Flow: any change → all routes are computed anew → nginx reloads if its configuration differs → each Ingress' status names the node.
 */
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { connect, consoleLogger } from 'kube-runtime';
import { Nginx } from './nginx.ts';
import { nginxConfig } from './nginx-config.ts';
import { ingresses, services } from './resources.ts';
import { routesOf } from './routes.ts';

/** Changes come in bursts; this gathers one. Milliseconds. */
const gather = 20;
const retryAfter = 1_000;

const options = {
  kubeconfig: { type: 'string' },
  config: { type: 'string' },
  address: { type: 'string' },
  port: { type: 'string' },
} as const;
const { kubeconfig = '', config = '', address = '', port = '' } = parseArgs({ options }).values;
const className = 'nginx';

const log = consoleLogger();
const cluster = await connect({ kubeconfig, fieldManager: 'embedded-nginx', log });
const known = { ingresses: cluster.informer(ingresses), services: cluster.informer(services) };
const nginx = new Nginx(config);

let changed = Promise.withResolvers<undefined>();
known.ingresses.onChange(() => changed.resolve(undefined));
known.services.onChange(() => changed.resolve(undefined));
cluster.startInformers();
await Promise.all([known.ingresses.whenSynced(), known.services.whenSynced()]);

const health = createServer((_, response) => response.end('ok'));
for (;;) {
  changed = Promise.withResolvers();
  try {
    await sync();
  } catch (error) {
    log.error({ error: error instanceof Error ? error.message : String(error) }, 'Routes not put into effect, trying again');
    await Promise.race([changed.promise, sleep(retryAfter)]);
    continue;
  }
  // nginx starts when this answers, that is, when there is a configuration for it
  if (!health.listening) health.listen(Number(port), '127.0.0.1');
  await changed.promise;
  await sleep(gather);
}

async function sync(): Promise<void> {
  const all = known.ingresses.list();
  await nginx.use(nginxConfig(routesOf(all, known.services.list(), className)));
  const status = { loadBalancer: { ingress: [{ ip: address }] } };
  for (const ingress of all) if (ingress.spec.ingressClassName === className) await cluster.updateStatus(ingresses, ingress, status);
}
