import { connect, kind } from 'kube-runtime';
import { Stopwatch } from './stopwatch.ts';

const cluster = await connect({ server: process.argv[2] ?? '' });
const informer = cluster.informer(kind('apps/v1', 'Deployment'));
const watch = new Stopwatch();
informer.start();
await informer.whenSynced();
watch.listed();
informer.onChange(({ object }) => watch.event(object.metadata.resourceVersion));
