/** Policies that a replica of egress cannot read or has not heard of, on a real API server and a real Postgres. Needs CLOISTER_TEST_KUBECONFIG and …POSTGRES_URL. */
import { createLogger } from '@cloister/telemetry';
import { documentKey, documentKinds, labels, tenantObjectName, tenantPolicy } from '@cloister/tenancy';
import { randomBytes } from 'node:crypto';
import { connect, kind, type BaseObject, type Cluster } from 'kube-runtime';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { PolicyDirectory } from '../../../directory/directory.ts';
import { followConfigMaps } from '../../../directory/follow.ts';
import { configMapsNow } from '../../../directory/read-now.ts';
import { policyOf } from '../../../policy.fixture.ts';
import { migrate } from '../../budget/migrate.ts';
import { postgres, type Postgres } from '../../budget/sql/postgres.ts';
import { testDatabase, type TestDatabase } from '../../budget/sql/test-database.fixture.ts';
import { exportOf } from '../command.ts';
import { administrativeRecord } from '../record.ts';
import { administrationStore } from './administration-store.ts';
import { Administration } from './administration.ts';
import { noteGoneTenants } from './gone-tenants.ts';
import { recordedPolicies } from './recorded-policies.ts';

interface ConfigMap extends BaseObject {
  readonly data?: Readonly<Record<string, string>>;
}
const configMaps = kind<ConfigMap>('v1', 'ConfigMap');
const namespaces = kind('v1', 'Namespace');
const namespace = `audit-${randomBytes(4).toString('hex')}`;
const at = { name: tenantObjectName('acme'), namespace };
const log = createLogger({ name: 'egress', level: 'silent' });
const kubeconfig = () => process.env['CLOISTER_TEST_KUBECONFIG'] ?? '';

let database: TestDatabase;
let sql: Postgres;
let cluster: Cluster;
beforeAll(async () => {
  database = await testDatabase();
  sql = postgres(database.url, () => undefined);
  await migrate(sql);
  cluster = await connect({ kubeconfig: kubeconfig() });
  await cluster.apply(namespaces, { metadata: { name: namespace } });
});
afterAll(async () => {
  await cluster.delete(namespaces, { name: namespace });
  await cluster.close();
  await sql.close();
  await database.drop();
});

const write = (text: string, name = at.name) =>
  cluster.apply(configMaps, {
    metadata: { name, namespace, labels: { [labels.document]: documentKinds.policy } },
    data: { [documentKey]: text },
  });

/** A replica of egress that starts, knows all that there is, notes who is gone, and ends. What is done in between its watch does not tell of. */
async function egressRuns(fallingBehind: () => Promise<unknown> = () => Promise.resolve()): Promise<void> {
  const own = await connect({ kubeconfig: kubeconfig() });
  const administration = new Administration(administrationStore(sql), log);
  const policies = new PolicyDirectory();
  const into = recordedPolicies(policies, administration);
  const documents = followConfigMaps(own, { schema: tenantPolicy, documentKind: documentKinds.policy, namespace, into, log });
  own.startInformers();
  await documents.whenSynced();
  await own.close();
  await fallingBehind();
  await noteGoneTenants(administration, { followed: documents, now: configMapsNow(cluster, tenantPolicy), policies, namespace });
  await administration.close();
}

async function onRecord(tenant = 'acme'): Promise<unknown[]> {
  const link = z.object({ record: administrativeRecord });
  const lines: string[] = [];
  for await (const line of await exportOf(sql, tenant)) lines.push(line);
  return lines.slice(1, -1).map((line) => link.parse(JSON.parse(line)).record.action);
}

test('a policy that cannot be read while egress starts is on record neither as removed nor, later, as added; only what was changed is', async () => {
  await write(JSON.stringify(policyOf('acme')));
  await egressRuns();
  expect(await onRecord()).toEqual(['added']);

  await write(JSON.stringify({ ...policyOf('acme'), state: 'Asleep' }));
  await egressRuns();
  expect(await onRecord()).toEqual(['added']);

  await write(JSON.stringify(policyOf('acme', { state: 'Suspended' })));
  await egressRuns();
  expect(await onRecord()).toEqual(['added', 'changed']);

  await write('no JSON');
  await cluster.delete(configMaps, at);
  await egressRuns();
  expect(await onRecord()).toEqual(['added', 'changed', 'removed']);
});

test('a tenant that came while the watch of a replica is behind is not on record as removed, and one that is of another Tenant by now is', async () => {
  const policy = policyOf('globex');
  const name = tenantObjectName('globex');
  await egressRuns(async () => {
    await write(JSON.stringify(policy), name);
    await egressRuns();
    expect(await onRecord('globex')).toEqual(['added']);
  });
  expect(await onRecord('globex')).toEqual(['added']);

  await cluster.delete(configMaps, { name, namespace });
  await egressRuns(() => write(JSON.stringify({ ...policy, uid: 'uid-of-another' }), name));
  expect(await onRecord('globex')).toEqual(['added', 'removed']);
});
