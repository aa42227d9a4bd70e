/**
 * A real API server with Kubernetes' own controllers, on which the chart's rights and admission policies are in force, and people who come to it with
 * tokens of their own. Nothing of Cloister runs there: what the operator would write is written under the operator's own account.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fieldManager } from '@cloister/tenancy';
import { connect, kind, pathOf, type Cluster, type KubeObject } from 'kube-runtime';
import { Agent, request } from 'undici';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { z } from 'zod';
import { startControlPlane, stopCluster } from '../cluster/index.ts';
import { buildPrograms, programPath } from '../cluster/programs/build.ts';
import { chart, helmOf } from '../e2e/support/helm.ts';
import { until } from '../e2e/support/until.ts';

export const system = 'cloister-system';

export interface Subject {
  readonly cluster: Cluster;
  /** What the API server says, without storing anything: the object as JSON, or the message of the refusal. */
  try(attempt: Attempt): Promise<string>;
}

export interface Attempt {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly body?: unknown;
  /** To ask as somebody else. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Walled {
  /** Of the group system:masters. */
  readonly root: Cluster;
  /** With a token of that ServiceAccount, which is made where it is not there. */
  as(namespace: string, name: string): Promise<Subject>;
  stop(): Promise<void>;
}

const installed = new Set([
  'CustomResourceDefinition',
  'Namespace',
  'ServiceAccount',
  'ClusterRole',
  'ClusterRoleBinding',
  'Role',
  'RoleBinding',
  'ValidatingAdmissionPolicy',
  'ValidatingAdmissionPolicyBinding',
]);
const clusterScoped = /^(CustomResourceDefinition|Namespace|Cluster.*|ValidatingAdmission.*)$/;
const manifest = z.looseObject({ apiVersion: z.string(), kind: z.string(), metadata: z.looseObject({ name: z.string() }) });

export const kindOf = ({ apiVersion, kind: name }: { readonly apiVersion: string; readonly kind: string }) =>
  kind(apiVersion, name, { namespaced: !clusterScoped.test(name) });

export async function startWalled(name: string): Promise<Walled> {
  const { kubeconfig } = await startControlPlane({ name, controllers: true, keeper: process.pid });
  const root = await connect({ kubeconfig, fieldManager: 'test' });
  const folder = await mkdtemp(join(tmpdir(), 'walled-'));
  const opened: Cluster[] = [root];
  await root.apply(kind('v1', 'Namespace', { namespaced: false }), { metadata: { name: system } });
  for (const document of await chartObjects()) await root.apply(kindOf(document), document);
  return {
    root,
    as: async (namespace, account) => {
      const token = await tokenOf(root, namespace, account);
      const admin = config.parse(parse(await readFile(kubeconfig, 'utf8')));
      const users = admin.users.map(({ name: user }) => ({ name: user, user: { token } }));
      const file = join(folder, `${namespace}-${account}`);
      await writeFile(file, stringify({ ...admin, users }), { mode: 0o600 });
      const cluster = await connect({ kubeconfig: file, fieldManager });
      opened.push(cluster);
      const [{ cluster: reached }] = admin.clusters;
      const ca = Buffer.from(reached['certificate-authority-data'], 'base64').toString();
      return { cluster, try: asker({ server: reached.server, ca, token }) };
    },
    stop: async () => {
      for (const one of opened) await one.close();
      await stopCluster(name);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Definitions, rights and policies, as `helm install` would apply them. */
async function chartObjects(): Promise<(KubeObject & { readonly apiVersion: string; readonly kind: string })[]> {
  const helm = helmOf(programPath(await buildPrograms(['helm']), 'helm'));
  const { code, stdout, stderr } = helm('template', 'cloister', chart, '-n', system, '--kube-version', '1.36.3');
  if (code !== 0) throw new Error(`helm template ended with ${code}: ${stderr}`);
  const all = parseAllDocuments(stdout).flatMap((document) => manifest.safeParse(document.toJS()).data ?? []);
  const order = [...installed];
  return all.filter((one) => installed.has(one.kind)).toSorted((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind));
}

/** By plain HTTP: kube-runtime tells nobody what the server says about Secrets. */
function asker({ server, ca, token }: Identity): Subject['try'] {
  const dispatcher = new Agent({ connect: { ca } });
  return async ({ method, path, body, headers }) => {
    const url = new URL(path, server);
    if (method !== 'GET') url.searchParams.set('dryRun', 'All');
    const { body: answer } = await request(url, {
      method,
      dispatcher,
      headers: {
        ...headers,
        authorization: `Bearer ${token}`,
        'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json',
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    return refusal.safeParse(JSON.parse(text)).data?.message ?? text;
  };
}

const refusal = z.object({ kind: z.literal('Status'), status: z.literal('Failure'), message: z.string() });

interface Identity {
  readonly server: string;
  readonly ca: string;
  readonly token: string;
}

const accounts = kind('v1', 'ServiceAccount');
const config = z.looseObject({
  clusters: z.tuple([z.looseObject({ cluster: z.looseObject({ server: z.string(), 'certificate-authority-data': z.base64() }) })]),
  users: z.array(z.object({ name: z.string(), user: z.unknown() })),
});
const issued = z.object({ status: z.object({ token: z.string() }) });

async function tokenOf(root: Cluster, namespace: string, name: string): Promise<string> {
  if (!(await root.get(accounts, { name, namespace }))) await root.create(accounts, { metadata: { name, namespace } });
  const path = pathOf(accounts, { name, namespace }, 'token');
  const answer = await until(`a token of ${name}`, () => root.request({ method: 'POST', path, body: { spec: {} } }), { within: 10_000 });
  return issued.parse(answer).status.token;
}
