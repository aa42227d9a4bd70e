/** Certificates of agents and their authority as the operator makes and replaces them, on a real API server. */
import { certificatesIn, readCertificate, readPair } from '@cloister/certificates';
import {
  agentHost,
  annotations,
  authoritiesKey,
  namespaces,
  servingKey,
  systemConfigMaps,
  systemSecrets,
  tenantSecrets,
} from '@cloister/tenancy';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import * as kinds from './kinds.ts';
import { runOperator, startTimeoutMs, type RunningOperator } from './testing/operator.fixture.ts';
import { TenantWorld } from './testing/tenants.fixture.ts';
import { until } from './testing/until.fixture.ts';

let operator: RunningOperator;
let world: TenantWorld;
beforeAll(async () => {
  operator = await runOperator();
  world = new TenantWorld(operator.cluster);
  await world.prepare();
}, startTimeoutMs);
afterAll(async () => {
  await world.removeAll();
  await operator.stop();
});

const authority = { name: systemSecrets.agentsAuthority, namespace: namespaces.system };
const trust = { name: systemConfigMaps.agentsTrust, namespace: namespaces.system };
const served = (tenant: string) => world.secret(`tenant-${tenant}`, tenantSecrets.serving, servingKey);
const shownBy = async (tenant: string) => readCertificate(readPair(await served(tenant))?.certificate);
const trusted = async () => certificatesIn((await operator.cluster.get(kinds.configMaps, trust))?.data?.[authoritiesKey]);
const namesOf = (certificates: readonly string[]) => certificates.map((one) => readCertificate(one)?.subject ?? '');
const signs = async () => namesOf([readPair(await world.secret(namespaces.system, authority.name, 'signer.pem'))?.certificate ?? ''])[0];
const ask = () =>
  operator.cluster.patch(kinds.secrets, authority, { metadata: { annotations: { [annotations.rotate]: `${Math.random()}` } } });
const rotateTenant = (text: string) =>
  operator.cluster.patch(kinds.tenants, { name: 'one' }, { metadata: { annotations: { [annotations.rotate]: text } } });
const generation = async () =>
  (await operator.cluster.get(kinds.deployments, { name: 'support', namespace: 'tenant-one' }))?.metadata.generation;

beforeEach(async () => {
  await Promise.all(['one', 'two'].map((name) => world.tenant(name)));
  await Promise.all(['one', 'two'].map((name) => world.ready(name)));
});
afterEach(() => world.removeTenants());

async function expectTrust(): Promise<void> {
  const names = namesOf(await trusted());
  for (const name of ['one', 'two']) expect(names).toContain((await shownBy(name))?.issuer);
}

test('every tenant has a certificate for its own agents, signed by what edge trusts; the authority’s key stands in its own Secret alone', async () => {
  await expectTrust();
  const one = await shownBy('one');
  expect([one?.checkHost(agentHost('one', 'support')), one?.checkHost(agentHost('two', 'support'))]).toEqual([
    '*.tenant-one.svc',
    undefined,
  ]);
  expect((await operator.cluster.get(kinds.configMaps, trust))?.data?.[authoritiesKey]).not.toContain('PRIVATE');
  expect((await operator.cluster.get(kinds.tenants, { name: 'one' }))?.status?.credentials?.serving?.since).toBeDefined();
});

test('a certificate is replaced when the tenant is annotated, when it is old, and when it is deleted or spoilt; no agent is restarted by it', async () => {
  await world.agent('one', 'support');
  await world.agentReady('one', 'support');
  const key = { name: tenantSecrets.serving, namespace: 'tenant-one' };
  const change = async (why: string, act: () => Promise<unknown>) => {
    const before = await served('one');
    await act();
    await until(
      `another certificate because ${why}`,
      async () => readPair(await served('one')) !== undefined && (await served('one')) !== before,
    );
    await expectTrust();
  };
  const template = await generation();
  const longAgo = new Date(Date.now() - 40 * 86_400_000).toISOString();
  await change('it is old', () =>
    operator.cluster.patch(kinds.secrets, key, { metadata: { annotations: { [annotations.madeAt]: longAgo } } }),
  );
  await change('it is gone', () => operator.cluster.delete(kinds.secrets, key));
  await change('it is spoilt', () => operator.cluster.patch(kinds.secrets, key, { data: { [servingKey]: 'eA==' } }));
  expect(await generation()).toBe(template);
  await change('somebody asked', () => rotateTenant('monday'));
  await until('the status to tell', async () => {
    const status = (await operator.cluster.get(kinds.tenants, { name: 'one' }))?.status;
    return status?.credentials?.serving?.madeFor === 'monday';
  });
});

test('edge is told of the next authority before it signs, and of the one before until every tenant has another certificate, whoever dies in between', async () => {
  const before = await signs();
  await operator.cluster.patch(kinds.tenants, { name: 'two' }, { spec: { classRef: { name: 'no-such-class' } } });
  await world.unready('two', 'ClassNotFound');
  operator.dieAfter(1);
  await ask();
  await until(
    'the authority to be another, and alone',
    async () => {
      await expectTrust();
      const names = namesOf(await trusted());
      if (names.length === 1 && names[0] !== before && (await signs()) === names[0]) return true;
      if (!operator.died()) return false;
      await operator.restart();
      operator.dieAfter(1);
      return false;
    },
    100_000,
  );
  await operator.restart();
  await expectTrust();
  for (const name of ['one', 'two']) expect((await shownBy(name))?.issuer).not.toBe(before);
}, 120_000);

test('an authority whose Secret is lost is trusted until agents have certificates of another, and what edge is told is put right', async () => {
  const before = await signs();
  await operator.cluster.delete(kinds.secrets, authority);
  await until('another to be trusted beside it', async () => (await trusted()).length === 2);
  await expectTrust();
  await until('the one before to be forgotten', async () => {
    await expectTrust();
    return (await trusted()).length === 1 && (await signs()) !== before;
  });
  await operator.cluster.delete(kinds.configMaps, trust);
  await until('edge to be told again', async () => (await trusted()).length === 1);
  await expectTrust();
});

test('authority, trust and a certificate that were lost together, while no operator ran, are made anew and fit each other', async () => {
  await operator.restart(async () => {
    await operator.cluster.delete(kinds.secrets, authority);
    await operator.cluster.delete(kinds.configMaps, trust);
    await operator.cluster.delete(kinds.secrets, { name: tenantSecrets.serving, namespace: 'tenant-one' });
  });
  await until('certificates of the one authority', async () => {
    const name = await signs();
    return (await shownBy('one'))?.issuer === name && (await shownBy('two'))?.issuer === name && (await trusted()).length === 1;
  });
  await expectTrust();
});
