import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { component, flags, type Component } from '../machine/plan.ts';
import { inside } from '../paths.ts';

/** Plays the kubelets of all nodes: pods are Ready as soon as they are scheduled, and gone as soon as they are told to end. */
export function kwok(): Component {
  const options = flags({
    kubeconfig: `${inside.cluster}/config/admin.kubeconfig`,
    config: `${inside.cluster}/config/kwok.yaml`,
    'manage-all-nodes': true,
    'node-lease-duration-seconds': 40,
    'server-address': '127.0.0.1:10247',
  });
  return component('kwok', ['kwok', ...options], { after: ['kube-apiserver'], ready: { url: 'http://127.0.0.1:10247/healthz' } });
}

/** What kwok does to a node that is not Ready, to a pod that is scheduled, and to one that is being deleted. */
export async function writeKwokConfig(dir: string): Promise<void> {
  const stages = [stage('node-ready', 'Node', [isNotReady], { statusTemplate: readyNode }), ...podStages];
  const parallel = ['podPlayStage', 'nodePlayStage', 'nodeLease', 'podsOnNodeSync'].map((what) => [`${what}Parallelism`, 16] as const);
  const options = { kind: 'KwokConfiguration', apiVersion: 'config.kwok.x-k8s.io/v1alpha1', options: Object.fromEntries(parallel) };
  await writeFile(join(dir, 'config', 'kwok.yaml'), [options, ...stages].map((document) => JSON.stringify(document)).join('\n---\n'));
}

interface Requirement {
  readonly key: string;
  readonly operator: string;
  readonly values?: readonly string[];
}

const isNotReady: Requirement = {
  key: '.status.conditions.[] | select( .type == "Ready" ) | .status',
  operator: 'NotIn',
  values: ['True'],
};
const stays: Requirement = { key: '.metadata.deletionTimestamp', operator: 'DoesNotExist' };
const isDeleted: Requirement = { key: '.metadata.deletionTimestamp', operator: 'Exists' };

const stage = (name: string, kind: string, matchExpressions: readonly Requirement[], next: object): object => ({
  apiVersion: 'kwok.x-k8s.io/v1alpha1',
  kind: 'Stage',
  metadata: { name },
  spec: { resourceRef: { apiGroup: 'v1', kind }, selector: { matchExpressions }, next },
});

const readyNode = `
{{ $now := Now }}
conditions:
- { type: Ready, status: "True", reason: KubeletReady, message: played by kwok, lastHeartbeatTime: {{ $now | Quote }}, lastTransitionTime: {{ $now | Quote }} }
`;

const readyPod = `
{{ $now := Now }}
phase: Running
startTime: {{ $now | Quote }}
conditions:
- { type: Initialized, status: "True", lastTransitionTime: {{ $now | Quote }} }
- { type: Ready, status: "True", lastTransitionTime: {{ $now | Quote }} }
- { type: ContainersReady, status: "True", lastTransitionTime: {{ $now | Quote }} }
containerStatuses:
{{ range .spec.containers }}
- { name: {{ .name | Quote }}, image: {{ .image | Quote }}, ready: true, started: true, restartCount: 0, state: { running: { startedAt: {{ $now | Quote }} } } }
{{ end }}
{{ $podIPs := PodIPsWith .spec.nodeName false ( or .metadata.uid "" ) ( or .metadata.name "" ) ( or .metadata.namespace "" ) }}
{{ with $podIPs }}
podIP: {{ index . 0 | Quote }}
podIPs: [{ ip: {{ index . 0 | Quote }} }]
{{ end }}
`;

const podStages: readonly object[] = [
  stage('pod-ready', 'Pod', [stays, { key: '.status.phase', operator: 'In', values: ['Pending'] }], { statusTemplate: readyPod }),
  stage('pod-delete', 'Pod', [isDeleted], { delete: true }),
];
