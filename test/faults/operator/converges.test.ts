/**
 * Whatever happens on the way, the end is the same: a workload is run undisturbed once, then again under each fault, and all that the
 * cluster, Postgres and Redis hold is compared. SEED repeats a run.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { X509Certificate } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type Cluster } from 'kube-runtime';
import { certificatesIn, readCertificate, readPair } from '@cloister/certificates';
import {
  authoritiesKey,
  fieldManager,
  namespaceOf,
  namespaces,
  servingKey,
  systemConfigMaps,
  systemSecrets,
  tenantSecrets,
} from '@cloister/tenancy';
import { fromBase64 } from '../../../operator/src/child.ts';
import * as kinds from '../../../operator/src/kinds.ts';
import { authoritiesIn } from '../../../operator/src/serving/authority-secret.ts';
import { parseConfiguration } from '../../../operator/src/settings.ts';
import { startOperator } from '../../../operator/src/start.ts';
import { takeDown } from '../../cluster/index.ts';
import { until } from '../../e2e/support/until.ts';
import { chosenSeed, randomFrom, type Random } from '../../state/random.ts';
import { compactHistory } from '../support/compaction.ts';
import { openBareWorld, operatorSettings, type BareWorld, type OperatorAccount } from '../support/control-plane.ts';
import { OperatorProcess } from '../support/operator-process.ts';
import { UnrulyProxy } from '../support/unruly-proxy.ts';
import { differencesOf, removeTenants, runWorkload, settle, writesWithin, type Outcome } from './run-workload.ts';

const seed = chosenSeed();
/** Another one each time: Postgres may hold what a run that was cut off left behind. */
const prefix = `fc${Date.now().toString(36).slice(-4)}-`;
const workload = { seed, prefix, tenants: 3, steps: 16 };
const kills = 8;
const quietMs = 3_000;

let world: BareWorld;
let account: OperatorAccount;
let undisturbed: Outcome;
beforeAll(async () => {
  console.log(`SEED=${seed}`);
  world = await openBareWorld('converge');
  account = await world.account('operator');
  const operator = startProcess();
  const began = performance.now();
  const { tenants, keys } = await runWorkload(world, workload);
  undisturbed = await settle(world, prefix, tenants, keys);
  console.log(`undisturbed: ${Math.round(performance.now() - began)} ms, ${undisturbed.objects.size} objects`);
  await removeTenants(world, prefix);
  await operator.stop();
});
afterAll(() => world.close());

const startProcess = (): OperatorProcess => new OperatorProcess({ ...world, kubeconfig: account.kubeconfig, identity: 'operator-0' });

/**
 * Held against the run without faults; then nothing may be written any more. After an outage the caches of different kinds come back one after the
 * other: half a minute may pass until the end is reached.
 */
async function expectSameEnd(tenants: readonly string[], keys: ReadonlyMap<string, string>): Promise<void> {
  let left: string[] = [];
  for (let turn = 0; turn < 10; turn++) {
    const outcome = await settle(world, prefix, tenants, keys);
    left = differencesOf(undisturbed, outcome);
    if (left.length === 0) break;
    await sleep(quietMs);
  }
  expect(left).toEqual([]);
  expect(await writesWithin(world, account.username, quietMs)).toEqual([]);
}

test('the undisturbed run has tenants to compare', () => {
  expect(undisturbed.tenants.length).toBeGreaterThan(0);
  expect(undisturbed.objects.size).toBeGreaterThan(10 * undisturbed.tenants.length);
  expect(undisturbed.changedKeys).toEqual([]);
});

describe('the end is that of an undisturbed run', () => {
  test('when the operator is killed again and again at random moments', async () => {
    const random = randomFrom(seed + 1);
    let operator = startProcess();
    const killing = (async () => {
      for (let kill = 0; kill < kills; kill++) {
        await operator.leads();
        await sleep(random.between(0, 1_500));
        await operator.kill();
        operator = startProcess();
      }
    })();
    try {
      const [{ tenants, keys }] = await Promise.all([runWorkload(world, workload, () => sleep(random.between(0, 1_000))), killing]);
      await expectSameEnd(tenants, keys);
    } finally {
      await removeTenants(world, prefix);
      await operator.stop();
    }
  });

  test('when its connections are cut, delayed, half-opened and broken in the middle of a line, and no list is read again for it', async () => {
    const proxy = await UnrulyProxy.start({ apiServer: world.plane.apiServer, clusterDir: world.plane.dir });
    const through = await world.account('operator', proxy);
    await using operator = await startInProcess(through.kubeconfig);
    expect(fillingLists(proxy)).toBe(operator.informers);
    const ending = new AbortController();
    const disturbing = disturb(proxy, randomFrom(seed + 2), ending.signal);
    try {
      const { tenants, keys } = await runWorkload(world, workload, async (step) => {
        if (step % 8 === 7) proxy.halfOpen();
        await sleep(500);
      });
      ending.abort();
      const faults = await disturbing;
      await expectSameEnd(tenants, keys);
      console.log(`${JSON.stringify(faults)}; requests ${JSON.stringify(proxy.counts)} by ${operator.informers} informers`);
      expect(fillingLists(proxy)).toBe(operator.informers);
    } finally {
      ending.abort();
      await removeTenants(world, prefix);
      await operator[Symbol.asyncDispose]();
      await proxy.close();
    }
  });

  test('when two operators are at work with no lease between them, and both miss the authority of agents’ certificates', async () => {
    const second = await world.account('operator-1');
    await using _one = await startInProcess(account.kubeconfig);
    await using _two = await startInProcess(second.kubeconfig);
    try {
      const { tenants, keys } = await runWorkload(world, workload, async (step) => {
        if (step % 8 === 4)
          await world.cluster.delete(kinds.secrets, { name: systemSecrets.agentsAuthority, namespace: namespaces.system });
        await sleep(200);
      });
      await until('the last authority that was lost to be trusted no more', isAuthorityAlone, { within: 60_000 });
      await expectSameEnd(tenants, keys);
      expect(await writesWithin(world, second.username, quietMs)).toEqual([]);
      expect(await distrusted(tenants)).toEqual([]);
    } finally {
      await removeTenants(world, prefix);
    }
  });

  test('when etcd, the API server and both are killed and stay away for seconds, and history is compacted, without a restart', async () => {
    const operator = startProcess();
    await operator.leads();
    const outages: readonly (readonly [step: number, ...components: string[]])[] = [
      [4, 'etcd'],
      [8, 'kube-apiserver'],
      [12, 'etcd', 'kube-apiserver'],
    ];
    try {
      const { tenants, keys } = await runWorkload(world, workload, async (step) => {
        const outage = outages.find(([at]) => at === step);
        if (outage) await outageOf(outage.slice(1).map(String));
      });
      await expectSameEnd(tenants, keys);
      expect(operator.running).toBe(true);
      const { text } = await operator.ask('/metrics');
      console.log(
        text
          .split('\n')
          .filter((line) => /^kube_runtime_informer.*fault|^informer.*fault/.test(line))
          .join('\n'),
      );
    } finally {
      await removeTenants(world, prefix);
      await operator.stop();
    }
  });
});

/** Until every tenant has been given a certificate of the next one, one that was lost goes on being trusted: that is not yet the end. */
async function isAuthorityAlone(): Promise<boolean> {
  const secret = await world.cluster.get(kinds.secrets, { name: systemSecrets.agentsAuthority, namespace: namespaces.system });
  const { signer, trusted } = authoritiesIn(secret, new Date());
  return signer !== undefined && trusted.length === 1;
}

/** Those for whose agents' certificate no authority stands that edge trusts. */
async function distrusted(tenants: readonly string[]): Promise<string[]> {
  const trust = await world.cluster.get(kinds.configMaps, { name: systemConfigMaps.agentsTrust, namespace: namespaces.system });
  const authorities = certificatesIn(trust?.data?.[authoritiesKey]).map((one) => new X509Certificate(one));
  const left: string[] = [];
  for (const tenant of tenants) {
    const secret = await world.cluster.get(kinds.secrets, { name: tenantSecrets.serving, namespace: namespaceOf(tenant) });
    const shown = readCertificate(readPair(fromBase64(secret?.data?.[servingKey]))?.certificate);
    if (!authorities.some(({ publicKey }) => shown?.verify(publicKey))) left.push(tenant);
  }
  return left;
}

/** Kills the components, keeps them down, and returns while they come up again: work goes on before they are there. */
async function outageOf(components: readonly string[]): Promise<void> {
  const releases = await Promise.all(components.map((component) => takeDown(world.plane, component)));
  try {
    await sleep(2_000);
    if (components.includes('kube-apiserver') && !components.includes('etcd')) await compactHistory(world.plane);
  } finally {
    await Promise.all(releases.map((release) => release()));
  }
}

/** Shorter pauses than in production, or minutes' worth of faults would take minutes. */
const timings = {
  watchMs: [4_000, 6_000],
  graceMs: 500,
  backoff: { firstMs: 20, capMs: 300, jitter: 1, resetAfterMs: 1_000 },
} as const;

/** Lists that fill a cache. Others are of one tenant's namespace, when it is taken apart. */
const fillingLists = ({ lists }: UnrulyProxy): number => lists.filter((path) => !path.includes('/namespaces/tenant-')).length;

interface InProcess extends AsyncDisposable {
  readonly informers: number;
}

async function startInProcess(kubeconfig: string): Promise<InProcess> {
  const cluster: Cluster = await connect({ kubeconfig, fieldManager, timings });
  const stop = new AbortController();
  const ended = startOperator(cluster, parseConfiguration(operatorSettings, 'the test'), { signal: stop.signal });
  await Promise.race([Promise.all(cluster.informers.map((informer) => informer.whenSynced())), ended]);
  return {
    informers: cluster.informers.length,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await ended;
      await cluster.close();
    },
  };
}

async function disturb(proxy: UnrulyProxy, random: Random, signal: AbortSignal): Promise<Record<string, number>> {
  const done: Record<string, number> = { cut: 0, truncate: 0, delay: 0 };
  while (!signal.aborted) {
    await sleep(random.between(100, 1_000));
    const fault = random.pick(['cut', 'truncate', 'delay'] as const);
    done[fault] = (done[fault] ?? 0) + 1;
    if (fault === 'delay') proxy.delay(random.between(0, 100));
    else proxy[fault]();
  }
  proxy.delay(0);
  return done;
}
