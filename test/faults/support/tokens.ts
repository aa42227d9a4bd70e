/** Tokens of ServiceAccounts with any life: the API server itself gives none of less than ten minutes. */
import { createPrivateKey } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SignJWT } from 'jose';
import { stringify } from 'yaml';
import { z } from 'zod';
import { kind, type Cluster } from 'kube-runtime';
import { tokenIssuer } from '../../cluster/components/api-server.ts';

const serviceAccounts = kind('v1', 'ServiceAccount');
const bindings = kind('rbac.authorization.k8s.io/v1', 'ClusterRoleBinding');

/** How long after its end the API server still takes a token: the leeway of its JWT library, and the time it remembers a good one. */
export const tokenLeewaySeconds = { clock: 60, memory: 10 } as const;

export interface Account {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** As audit events have it. */
  readonly username: string;
}

/** A ServiceAccount that may do everything, so that tests need not follow the chart's Roles. */
export async function makeAccount(cluster: Cluster, namespace: string, name: string): Promise<Account> {
  const { object } = await cluster.apply(serviceAccounts, { metadata: { namespace, name } });
  const subjects = [{ kind: 'ServiceAccount', namespace, name }];
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' };
  await cluster.apply(bindings, Object.assign({ metadata: { name: `faults-${name}` } }, { roleRef, subjects }));
  return { namespace, name, uid: z.string().parse(object.metadata.uid), username: `system:serviceaccount:${namespace}:${name}` };
}

/** Signed with the cluster's own key. `seconds` from now on it is refused; may be below zero, which uses up the leeway. */
export async function mintToken(clusterDir: string, { namespace, name, uid }: Account, seconds: number): Promise<string> {
  const key = createPrivateKey(await readFile(join(clusterDir, 'pki', 'service-account.key')));
  const now = Math.floor(Date.now() / 1000);
  return new SignJWT({ 'kubernetes.io': { namespace, serviceaccount: { name, uid } } })
    .setProtectedHeader({ alg: 'RS256' })
    .setIssuer(tokenIssuer)
    .setAudience(tokenIssuer)
    .setSubject(`system:serviceaccount:${namespace}:${name}`)
    .setIssuedAt(now - 3600)
    .setNotBefore(now - 3600)
    .setExpirationTime(now + seconds)
    .sign(key);
}

/** As the kubelet does it: whole, or not at all. */
export async function replaceToken(file: string, token: string): Promise<void> {
  await writeFile(`${file}.new`, token, { mode: 0o600 });
  await rename(`${file}.new`, file);
}

/** A kubeconfig whose user is whoever the token in a file says. */
export async function writeTokenKubeconfig(file: string, server: string, clusterDir: string, tokenFile: string): Promise<void> {
  const authority = (await readFile(join(clusterDir, 'pki', 'ca.crt'))).toString('base64');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server, 'certificate-authority-data': authority } }],
    users: [{ name: 'u', user: { 'auth-provider': { name: 'tokenFile', config: { tokenFile } } } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  };
  await writeFile(file, stringify(config), { mode: 0o600 });
}
