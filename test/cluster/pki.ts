import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Addresses } from './addresses.ts';
import { run } from './command.ts';

/** Who a client certificate speaks for: Kubernetes reads the user from CN and the groups from O. */
interface Subject {
  readonly file: string;
  readonly user: string;
  readonly group?: string;
}

/** Whom the cluster's own kubeconfig speaks for. */
export const administrator = 'cloister-admin';

const clients: readonly Subject[] = [
  { file: 'admin', user: administrator, group: 'system:masters' },
  { file: 'controller-manager', user: 'system:kube-controller-manager' },
  { file: 'scheduler', user: 'system:kube-scheduler' },
  { file: 'proxy', user: 'system:kube-proxy' },
  { file: 'kubelet', user: 'system:node:node', group: 'system:nodes' },
  { file: 'api-server-kubelet-client', user: 'cloister-api-server', group: 'system:masters' },
];

/** Makes the authority, all certificates and the key of service account tokens for one cluster's life, which is days at most. */
export async function makeCertificates(dir: string, { nodeIP, apiServiceIP }: Addresses): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await openssl(dir, 'ca', '/CN=cloister-embedded-cluster', ['-addext', 'basicConstraints=critical,CA:TRUE'], []);
  const signed = ['-CA', join(dir, 'ca.crt'), '-CAkey', join(dir, 'ca.key')];
  const names = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc', 'localhost'].map((name) => `DNS:${name}`);
  const ips = ['127.0.0.1', nodeIP, apiServiceIP].map((ip) => `IP:${ip}`);
  const server = ['-addext', `subjectAltName=${[...names, ...ips].join(',')}`, '-addext', 'extendedKeyUsage=serverAuth'];
  await Promise.all([
    openssl(dir, 'api-server', '/CN=kube-apiserver', server, signed),
    openssl(dir, 'kubelet-server', '/CN=node', ['-addext', `subjectAltName=DNS:node,IP:${nodeIP}`], signed),
    ...clients.map(({ file, user, group }) =>
      openssl(dir, file, `${group === undefined ? '' : `/O=${group}`}/CN=${user}`, ['-addext', 'extendedKeyUsage=clientAuth'], signed),
    ),
    serviceAccountKey(dir),
  ]);
}

async function openssl(
  dir: string,
  name: string,
  subject: string,
  extensions: readonly string[],
  signer: readonly string[],
): Promise<void> {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', join(dir, `${name}.key`)];
  const made = ['-subj', subject, '-days', '365', '-out', join(dir, `${name}.crt`)];
  await run('openssl', ['req', '-x509', '-batch', ...key, ...made, ...extensions, ...signer]);
}

/** RSA, because that is what tokens of most clusters are signed with. */
async function serviceAccountKey(dir: string): Promise<void> {
  const key = join(dir, 'service-account.key');
  await run('openssl', ['genpkey', '-quiet', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048', '-out', key]);
  await run('openssl', ['pkey', '-in', key, '-pubout', '-out', join(dir, 'service-account.pub')]);
}
