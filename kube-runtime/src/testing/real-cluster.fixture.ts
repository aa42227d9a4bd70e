import { randomBytes } from 'node:crypto';
import type { Cluster } from '../cluster/cluster.ts';
import { connect, type ConnectOptions } from '../cluster/connect.ts';
import type { Write } from '../cluster/request.ts';
import { isConflict } from '../errors.ts';
import { kind } from '../kind.ts';
import type { BaseObject, Condition, Resource } from '../resource.ts';

export interface ConfigMap extends BaseObject {
  readonly data?: Readonly<Record<string, string>>;
}

export type Greeting = Resource<
  { readonly name: string },
  { readonly said?: string; readonly count?: number; readonly conditions?: readonly Condition[] }
>;
export type Realm = Resource<{ readonly color?: string }>;

export const configMaps = kind<ConfigMap>('v1', 'ConfigMap');
export const namespaces = kind('v1', 'Namespace');
export const greetings = kind<Greeting>('kube-runtime.test/v1', 'Greeting');
export const realms = kind<Realm>('kube-runtime.test/v1', 'Realm', { namespaced: false });
const definitions = kind<Resource<object>>('apiextensions.k8s.io/v1', 'CustomResourceDefinition');

/** A connection to the API server of CLOISTER_TEST_KUBECONFIG. */
export async function connectReal(options: ConnectOptions = {}): Promise<Cluster> {
  const kubeconfig = process.env['CLOISTER_TEST_KUBECONFIG'];
  if (!kubeconfig) throw new Error('set CLOISTER_TEST_KUBECONFIG to a kubeconfig that may do everything, or use "make test"');
  return connect({ kubeconfig, ...options });
}

/** A namespace of its own for each test file, so that files can run side by side. */
export async function freshNamespace(cluster: Cluster): Promise<string> {
  const name = `kr-${randomBytes(4).toString('hex')}`;
  await cluster.apply(namespaces, { metadata: { name } });
  return name;
}

/** Makes the test's own kinds known to the server, and waits until it serves them. */
export async function installKinds(cluster: Cluster): Promise<void> {
  await Promise.all([install(cluster, 'Greeting', 'greetings', 'Namespaced'), install(cluster, 'Realm', 'realms', 'Cluster')]);
}

async function install(cluster: Cluster, name: string, plural: string, scope: string): Promise<void> {
  const open = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  const properties = { spec: open, status: open };
  const version = {
    name: 'v1',
    served: true,
    storage: true,
    subresources: { status: {} },
    schema: { openAPIV3Schema: { type: 'object', properties } },
  };
  const spec = { group: 'kube-runtime.test', scope, names: { kind: name, plural, singular: name.toLowerCase() }, versions: [version] };
  try {
    await cluster.apply(definitions, { metadata: { name: `${plural}.kube-runtime.test` }, spec });
  } catch (error) {
    if (!isConflict(error)) throw error; // another test file was faster
  }
  const path = `/apis/kube-runtime.test/v1/${plural}`;
  for (let attempt = 0; attempt < 100; attempt++) {
    if (await isServed(cluster, path)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${path} is not served`);
}

async function isServed(cluster: Cluster, path: string): Promise<boolean> {
  try {
    await cluster.request({ path });
    return true;
  } catch {
    return false; // asked again
  }
}

/** Notes every write from now on. */
export function recordWrites(cluster: Cluster): Write[] {
  const writes: Write[] = [];
  cluster.interceptWrites((write, proceed) => {
    writes.push(write);
    return proceed();
  });
  return writes;
}
