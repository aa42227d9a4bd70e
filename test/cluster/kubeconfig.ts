import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';

/**
 * Writes a kubeconfig that works wherever it is copied to: certificates are in it, not beside it.
 * `name` is both the user's certificate in `pki` and what the context is called.
 */
export async function writeKubeconfig(file: string, pki: string, user: string, server: string, name = 'cloister'): Promise<void> {
  const [ca, certificate, key] = await Promise.all(['ca.crt', `${user}.crt`, `${user}.key`].map((part) => base64(join(pki, part))));
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server, 'certificate-authority-data': ca } }],
    users: [{ name: user, user: { 'client-certificate-data': certificate, 'client-key-data': key } }],
    contexts: [{ name, context: { cluster: name, user } }],
    'current-context': name,
  };
  await writeFile(file, stringify(config), { mode: 0o600 });
}

async function base64(file: string): Promise<string> {
  return (await readFile(file)).toString('base64');
}
