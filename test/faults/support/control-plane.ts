/**
 * A control plane of a test's own, with Kubernetes' own controllers and stand-ins for kubelets, on which an operator can work: cheap, and
 * free to be broken. Postgres and Redis are those of CLOISTER_TEST_POSTGRES_URL and CLOISTER_TEST_REDIS_URL.
 */
import { namespaces } from '@cloister/tenancy';
import { connect, type Cluster } from 'kube-runtime';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { base64 } from '../../../operator/src/child.ts';
import * as kinds from '../../../operator/src/kinds.ts';
import { installResources } from '../../../operator/src/testing/cluster.fixture.ts';
import { testPostgres, testRedisURL } from '../../../operator/src/testing/servers.fixture.ts';
import { bundleProgram } from '../../cluster/bundle.ts';
import { startControlPlane, stopCluster, stopOrphans, type ControlPlane } from '../../cluster/index.ts';
import { repository } from '../../cluster/paths.ts';
import { standInForKubelets } from './kubelet.double.ts';
import { makeAccount, mintToken, replaceToken, writeTokenKubeconfig, type Account } from './tokens.ts';
import type { UnrulyProxy } from './unruly-proxy.ts';

export const className = 'faults';
export const model = 'faults-offline/echo';

/**
 * For the operator's own settings file. Nobody here has to be told of a new authority by a kubelet: where one is lost, tenants without a certificate
 * would wait five minutes for the next one to sign.
 */
export const operatorSettings = [
  'agentRuntime: { image: "localhost/agent-runtime:test", egressURL: "http://egress.cloister-system.svc:80/v1" }',
  'rotation: { settleSeconds: 1 }',
].join('\n');

export interface BareWorld {
  readonly plane: ControlPlane;
  /** The tests' own connection, as administrator. */
  readonly cluster: Cluster;
  /** The operator's settings file, and its program. */
  readonly configuration: string;
  readonly program: string;
  /** An account with a token of a day in a file, and a kubeconfig that uses it. */
  account(name: string, through?: UnrulyProxy): Promise<OperatorAccount>;
  close(): Promise<void>;
}

export interface OperatorAccount extends Account {
  readonly kubeconfig: string;
  readonly tokenFile: string;
}

const oneDay = 86_400;

/** `purpose` tells it apart from others of the same run; another run, of this checkout or another, has names of its own. */
export async function openBareWorld(purpose: string): Promise<BareWorld> {
  await stopOrphans();
  const name = `faults-${purpose}-${process.pid}`;
  const plane = await startControlPlane({ name, controllers: true, keeper: process.pid });
  const cluster = await connect({ kubeconfig: plane.kubeconfig, fieldManager: 'test' });
  await installResources(cluster);
  await furnish(cluster);
  const files = join(plane.dir, 'operators');
  await mkdir(files);
  const configuration = join(files, 'operator.yaml');
  await writeFile(configuration, operatorSettings);
  const program = join(files, 'operator.mjs');
  await bundleProgram(join(repository, 'operator/src/main.ts'), program);
  const kubelets = standInForKubelets(cluster);
  return {
    plane,
    cluster,
    configuration,
    program,
    async account(account, through) {
      const file = join(files, `${account}${through ? '-through-proxy' : ''}`);
      const [kubeconfig, tokenFile] = [`${file}.kubeconfig`, `${file}.token`];
      const made = await makeAccount(cluster, namespaces.system, account);
      await replaceToken(tokenFile, await mintToken(plane.dir, made, oneDay));
      await writeTokenKubeconfig(kubeconfig, through?.url ?? plane.apiServer, plane.dir, tokenFile);
      return { ...made, kubeconfig, tokenFile };
    },
    async close() {
      await kubelets.stop();
      await cluster.close();
      await stopCluster(name);
    },
  };
}

async function furnish(cluster: Cluster): Promise<void> {
  for (const name of Object.values(namespaces)) await cluster.apply(kinds.namespaceKind, { metadata: { name } });
  const postgres = Object.fromEntries(Object.entries(testPostgres()).map(([key, value]) => [key, base64(String(value))]));
  const secret = (name: string, data: Readonly<Record<string, string>>) =>
    cluster.apply(kinds.secrets, { metadata: { name, namespace: namespaces.system }, data });
  await secret('postgres-admin', postgres);
  await secret('redis-admin', { url: base64(testRedisURL().href) });
  const models = [{ name: 'echo', contextWindow: 1000, maxOutputTokens: 100, price: { inputPerMillion: 1, outputPerMillion: 1 } }];
  await cluster.apply(kinds.modelProviders, { metadata: { name: 'faults-offline' }, spec: { type: 'Offline', models } });
  const quota = { cpu: '4', memory: '8Gi', pods: 20, agents: 5 };
  await cluster.apply(kinds.tenantClasses, {
    metadata: { name: className },
    spec: { defaults: { models: { allow: ['faults-offline/*'] }, quota } },
  });
}
