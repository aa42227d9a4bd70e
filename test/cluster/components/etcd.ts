import { component, flags, type Component } from '../machine/plan.ts';
import { inside } from '../paths.ts';

export const etcdURL = 'http://127.0.0.1:2379';

export function etcd(): Component {
  const peer = 'http://127.0.0.1:2380';
  const options = flags({
    'data-dir': `${inside.cluster}/etcd`,
    'listen-client-urls': etcdURL,
    'advertise-client-urls': etcdURL,
    'listen-peer-urls': peer,
    'initial-advertise-peer-urls': peer,
    'initial-cluster': `default=${peer}`,
    // what is in it does not outlive the machine, and flushing to disk is most of a write's time
    'unsafe-no-fsync': true,
    'log-level': 'warn',
  });
  return component('etcd', ['kube', 'etcd', ...options], { ready: { url: `${etcdURL}/health` } });
}
