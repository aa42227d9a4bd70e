/** What `helm install` would put into the cluster, less the pods: kinds, namespaces, the operator's account, rights and settings. */
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { kind, type Cluster, type KubeObject } from 'kube-runtime';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { z } from 'zod';
import { namespaces } from '@cloister/tenancy';
import { repository } from '../../cluster/paths.ts';
import { agentConfigsCounted } from '../../state/agents-counted.ts';
import type { ScaleCluster } from '../../cluster/index.ts';

export interface Installation {
  /** File with the operator's own credentials. */
  readonly kubeconfig: string;
  /** File with its settings, as the chart writes them. */
  readonly settings: string;
  /** What the chart sets in its pod, where it is the same outside of one. */
  readonly environment: Readonly<Record<string, string>>;
  /** File that its log goes to. */
  readonly log: string;
}

/** The embedded cluster's. */
const kubeVersion = '1.36.3';

export const operatorUser = `system:serviceaccount:${namespaces.system}:operator`;

const wanted = [
  'Namespace',
  'CustomResourceDefinition',
  'ServiceAccount',
  'ConfigMap',
  'ClusterRole',
  'ClusterRoleBinding',
  'Role',
  'RoleBinding',
  'ValidatingAdmissionPolicy',
  'ValidatingAdmissionPolicyBinding',
  'ResourceQuota',
];

export async function install(cluster: ScaleCluster, client: Cluster, dataCheckSeconds: number): Promise<Installation> {
  const objects = await rendered(cluster, dataCheckSeconds);
  await client.apply(kind('v1', 'Namespace'), { metadata: { name: namespaces.system } });
  for (const name of wanted) for (const object of objects) if (object.kind === name) await applyAsIs(client, object);
  await makeAdminSecrets(cluster, client);
  await agentConfigsCounted(cluster.kubeconfig);
  const settings = join(cluster.dir, 'operator.yaml');
  await writeFile(settings, configOf(objects));
  const kubeconfig = join(cluster.dir, 'operator.kubeconfig');
  await writeFile(kubeconfig, JSON.stringify(await credentials(cluster, client)), { mode: 0o600 });
  return { kubeconfig, settings, environment: environmentOf(objects), log: join(cluster.dir, 'log', 'operator.log') };
}

async function rendered({ helm }: ScaleCluster, dataCheckSeconds: number): Promise<KubeObject[]> {
  const set = [`operator.dataCheckSeconds=${dataCheckSeconds}`, 'images.registry=localhost'].flatMap((value) => ['--set', value]);
  const args = [
    'template',
    'cloister',
    join(repository, 'charts/cloister'),
    '--namespace',
    namespaces.system,
    '--kube-version',
    kubeVersion,
    ...set,
  ];
  const { stdout } = await promisify(execFile)(helm, args, { maxBuffer: 2 ** 26 });
  return parseAllDocuments(stdout)
    .filter(({ contents }) => contents !== null)
    .map((document) => accept(document.toJS()));
}

/** Takes what helm renders as what it is; an empty document is none. */
const { accept } = kind('v1', 'Object');

async function applyAsIs(client: Cluster, one: KubeObject): Promise<void> {
  const { apiVersion = '', kind: name = '' } = one;
  await client.apply(kind(apiVersion, name), one);
}

const container = z.object({
  env: z.array(z.object({ name: z.string(), value: z.string().optional() })),
  resources: z.object({ limits: z.object({ memory: z.string().regex(/^\d+Mi$/) }) }),
});
const deployment = z.object({ spec: z.object({ template: z.object({ spec: z.object({ containers: z.tuple([container]) }) }) }) });

/** The chart's, and the Dockerfile's; who it is comes from its pod. In a container V8 lets its heap grow to half of the limit; here it is told to. */
function environmentOf(objects: readonly KubeObject[]): Record<string, string> {
  const operator = objects.find(({ kind: name, metadata }) => name === 'Deployment' && metadata.name === 'operator');
  const [{ env, resources }] = deployment.parse(operator).spec.template.spec.containers;
  const set = Object.fromEntries(env.flatMap(({ name, value }) => (value === undefined ? [] : [[name, value] as const])));
  const heap = `--max-old-space-size=${parseInt(resources.limits.memory, 10) / 2}`;
  return { ...set, NODE_OPTIONS: `${set['NODE_OPTIONS'] ?? ''} ${heap}`, POD_NAME: 'operator-0', POD_NAMESPACE: namespaces.system };
}

function configOf(objects: readonly KubeObject[]): string {
  const config = objects.find(({ kind: name, metadata }) => name === 'ConfigMap' && metadata.name === 'operator-config');
  const { data } = z.object({ data: z.record(z.string(), z.string()) }).parse(config);
  const [text] = Object.values(data);
  if (text === undefined) throw new Error('the chart renders no settings for the operator');
  return withoutLease(text);
}

/**
 * A leader that cannot renew its lease for 10 s ends its process, as it must. While everything else of the cluster shares the machine with
 * it, the API server may well not answer for so long, and what was measured so far would be lost.
 */
const withoutLease = (text: string): string => stringify({ ...anySettings.parse(parse(text)), leaderElection: { enabled: false } });

const anySettings = z.record(z.string(), z.unknown());

async function makeAdminSecrets({ postgres, redis }: ScaleCluster, client: Cluster): Promise<void> {
  const secrets = kind('v1', 'Secret');
  const stringData = Object.fromEntries(Object.entries(postgres).map(([key, value]) => [key, String(value)]));
  await client.apply(secrets, { metadata: { name: 'postgres-admin', namespace: namespaces.system }, stringData });
  await client.apply(secrets, { metadata: { name: 'redis-admin', namespace: namespaces.system }, stringData: { url: redis.url } });
}

/** A token of its ServiceAccount, as the kubelet would mount it. */
async function credentials({ apiServer, dir }: ScaleCluster, client: Cluster): Promise<object> {
  const answer = await client.request({
    method: 'POST',
    path: `/api/v1/namespaces/${namespaces.system}/serviceaccounts/operator/token`,
    body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 86_400 } },
  });
  const { token } = z.object({ status: z.object({ token: z.string() }) }).parse(answer).status;
  const authority = (await readFile(join(dir, 'pki', 'ca.crt'))).toString('base64');
  return {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'operator',
    clusters: [{ name: 'scale', cluster: { server: apiServer, 'certificate-authority-data': authority } }],
    users: [{ name: 'operator', user: { token } }],
    contexts: [{ name: 'operator', context: { cluster: 'scale', user: 'operator', namespace: namespaces.system } }],
  };
}
