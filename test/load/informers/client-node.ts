import { AppsV1Api, KubeConfig, makeInformer } from '@kubernetes/client-node';
import { path } from './deployments.ts';
import { Stopwatch } from './stopwatch.ts';

const config = new KubeConfig();
config.loadFromOptions({
  clusters: [{ name: 'stub', server: process.argv[2] ?? '', skipTLSVerify: true }],
  users: [{ name: 'nobody' }],
  contexts: [{ name: 'stub', cluster: 'stub', user: 'nobody' }],
  currentContext: 'stub',
});
const api = config.makeApiClient(AppsV1Api);
const watch = new Stopwatch();
const informer = makeInformer(config, path, () => api.listDeploymentForAllNamespaces());
informer.on('update', ({ metadata }) => watch.event(metadata?.resourceVersion));
await informer.start();
watch.listed();
