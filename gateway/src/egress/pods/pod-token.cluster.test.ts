/** Tokens that a real API server has signed. Needs CLOISTER_TEST_KUBECONFIG. */
import { randomBytes } from 'node:crypto';
import { connect, kind, type Cluster } from 'kube-runtime';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { clusterKeys } from './cluster-keys.ts';
import { fetchClusterKeys } from './fetch-cluster-keys.ts';
import { podVerifier, type VerifyPod } from './pod-token.ts';

const namespaces = kind('v1', 'Namespace');
const serviceAccounts = kind('v1', 'ServiceAccount');
const namespace = `gateway-${randomBytes(4).toString('hex')}`;
let cluster: Cluster;
let verify: VerifyPod;
let uid: string | undefined;

beforeAll(async () => {
  const kubeconfig = process.env['CLOISTER_TEST_KUBECONFIG'];
  if (!kubeconfig) throw new Error('set CLOISTER_TEST_KUBECONFIG to a kubeconfig that may do everything, or use "make test"');
  cluster = await connect({ kubeconfig });
  await cluster.apply(namespaces, { metadata: { name: namespace } });
  uid = (await cluster.apply(serviceAccounts, { metadata: { name: 'agent', namespace } })).object.metadata.uid;
  const keys = await fetchClusterKeys(cluster);
  verify = podVerifier(
    keys.issuer,
    clusterKeys(keys, () => fetchClusterKeys(cluster)),
  );
});
afterAll(async () => {
  await cluster.delete(namespaces, { name: namespace });
  await cluster.close();
});

const tokenAnswer = z.looseObject({ status: z.looseObject({ token: z.string() }) });
async function tokenFor(audience: string): Promise<string> {
  const answer = await cluster.request({
    method: 'POST',
    path: `/api/v1/namespaces/${namespace}/serviceaccounts/agent/token`,
    body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { audiences: [audience], expirationSeconds: 600 } },
  });
  return tokenAnswer.parse(answer).status.token;
}

test('a token for egress names namespace and account, by the keys that the cluster publishes', async () => {
  expect(await verify(await tokenFor('cloister-egress'))).toMatchObject({ namespace, serviceAccount: { name: 'agent', uid } });
});

test('a token for the API server is refused', async () => {
  expect(await verify(await tokenFor('https://kubernetes.default.svc'))).toBeUndefined();
});
