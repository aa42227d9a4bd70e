import { component, flags, type Component, type Flags } from '../machine/plan.ts';
import { inside } from '../paths.ts';

export function scheduler(more: Flags = {}): Component {
  // there is never a second one to take over from
  const options = flags({ kubeconfig: `${inside.cluster}/config/scheduler.kubeconfig`, 'leader-elect': false, ...more });
  const ready = { url: 'https://127.0.0.1:10259/healthz' };
  return component('kube-scheduler', ['kube', 'kube-scheduler', ...options], { after: ['kube-apiserver'], ready });
}
