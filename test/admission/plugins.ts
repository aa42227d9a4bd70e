/** What network plugins, autoscalers and schedulers do, under names of their own and with rights in the whole cluster: Calico, OVN-Kubernetes, GKE's autoscaler. */
import type { Attempt } from './api-server.ts';
import { namespace, patch } from './attempts.ts';

export const rights = [
  { apiGroups: [''], resources: ['pods/status', 'namespaces/status'], verbs: ['patch'] },
  { apiGroups: [''], resources: ['pods/binding'], verbs: ['create'] },
  { apiGroups: ['apps'], resources: ['deployments/scale'], verbs: ['update', 'patch'] },
  { apiGroups: ['autoscaling'], resources: ['horizontalpodautoscalers/status'], verbs: ['update', 'patch'] },
];

const by = (subresource: string, attempt: Attempt): Attempt => ({ ...attempt, path: `${attempt.path}/${subresource}` });
const noted = { metadata: { annotations: { 'cni.projectcalico.org/podIP': '10.0.0.1/32' } } };

/** Of an agent's pod, and of what stands around it. */
export const plugins = (pod: string): readonly (readonly [does: string, attempt: Attempt, kind: string])[] => [
  ['the address of an agent’s pod', by('status', patch('v1', 'Pod', pod, noted)), 'Pod'],
  ['how many pods an agent has', by('scale', patch('apps/v1', 'Deployment', 'support', { spec: { replicas: 2 } })), 'Scale'],
  [
    'how an agent is scaled',
    by(
      'status',
      patch('autoscaling/v2', 'HorizontalPodAutoscaler', 'support', {
        status: { desiredReplicas: 2, currentMetrics: null, conditions: [] },
      }),
    ),
    'HorizontalPodAutoscaler',
  ],
];

/** Whoever may, for it changes no more than the namespace itself lets them. */
export const ofNamespace: Attempt = by('status', patch('v1', 'Namespace', namespace, noted));

/** With the same right over the object itself, there would still be no way past the walls. */
export const beyond = (pod: string): Attempt => ({
  method: 'PATCH',
  path: patch('v1', 'Pod', pod, {}).path,
  body: { metadata: { labels: { 'cloister.dev/agent': 'other' } } },
});

export const podsThemselves = { apiGroups: [''], resources: ['pods'], verbs: ['patch'] };
