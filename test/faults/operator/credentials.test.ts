/** The operator's own token: short-lived, replaced on disk by the kubelet, and once not replaced in time. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { setTimeout as sleep } from 'node:timers/promises';
import { readFile } from 'node:fs/promises';
import { connect, KubeError } from 'kube-runtime';
import * as kinds from '../../../operator/src/kinds.ts';
import { until } from '../../e2e/support/until.ts';
import { className, openBareWorld, type BareWorld, type OperatorAccount } from '../support/control-plane.ts';
import { OperatorProcess } from '../support/operator-process.ts';
import { mintToken, replaceToken, tokenLeewaySeconds } from '../support/tokens.ts';

const tenant = `ft-one-${Date.now().toString(36).slice(-4)}`;
/** A token is good for about so long when it is minted with `lifeSeconds - tokenLeewaySeconds.clock`; a known one up to ten seconds longer. */
const lifeSeconds = 5;

let world: BareWorld;
let account: OperatorAccount;
let operator: OperatorProcess;
beforeAll(async () => {
  world = await openBareWorld('token');
  account = await world.account('operator');
  operator = start();
  await operator.leads();
  await world.cluster.create(kinds.tenants, { metadata: { name: tenant }, spec: { classRef: { name: className } } });
  await until('its quota', () => quota(), { within: 30_000 });
});
afterAll(async () => {
  await operator.kill();
  await world.close();
});

const start = () => new OperatorProcess({ ...world, kubeconfig: account.kubeconfig, identity: 'operator-0' });
const shortToken = () => mintToken(world.plane.dir, account, lifeSeconds - tokenLeewaySeconds.clock);
const quota = () => world.cluster.get(kinds.resourceQuotas, { name: 'tenant', namespace: `tenant-${tenant}` });

async function edit(pods: number): Promise<void> {
  await world.cluster.patch(kinds.tenants, { name: tenant }, { spec: { quota: { pods } } });
  await until(`a quota of ${pods} pods`, async () => JSON.stringify(await quota()).includes(`"pods":"${pods}"`), { within: 10_000 });
}

async function statusOf(token: string): Promise<number> {
  const cluster = await connect({ kubeconfig: account.kubeconfig });
  await using _ = { [Symbol.asyncDispose]: () => cluster.close() };
  const before = await readFile(account.tokenFile, 'utf8');
  await replaceToken(account.tokenFile, token);
  try {
    await cluster.list(kinds.tenants);
    return 200;
  } catch (error) {
    return error instanceof KubeError ? error.status : 0;
  } finally {
    await replaceToken(account.tokenFile, before);
  }
}

test('a token that is replaced before its end is followed, however often, and nothing is missed', async () => {
  const first = await shortToken();
  await replaceToken(account.tokenFile, first);
  const rounds = 8;
  for (let round = 0; round < rounds; round++) {
    await replaceToken(account.tokenFile, await shortToken());
    await edit(10 + round);
    await sleep((lifeSeconds - 2) * 1000);
  }
  expect(await statusOf(first)).toBe(401);
  expect(operator.running).toBe(true);
  expect(operator.said('Lost leadership')).toBe(false);
});

test('with one that is not replaced it stops working and says why, and goes on by itself when it is', async () => {
  await replaceToken(account.tokenFile, await shortToken());
  await until('it to stop', () => Promise.resolve(operator.said('Lost leadership')), { within: 60_000 });
  expect(operator.said('401 Unauthorized')).toBe(true);
  expect((await operator.ask('/metrics')).text).toMatch(/rest_client_requests_total\{code="401"/);
  await replaceToken(account.tokenFile, await mintToken(world.plane.dir, account, 3600));
  await edit(18);
  expect(operator.running).toBe(true);
});

test('one that starts with a token that is over is not ready and says why, until it is replaced', async () => {
  await operator.stop();
  await replaceToken(account.tokenFile, await mintToken(world.plane.dir, account, -120));
  operator = start();
  const unready = await until(
    'the reason',
    async () => {
      const { status, text } = await operator.ask('/readyz');
      return status === 503 && text.includes('401') ? text : undefined;
    },
    { within: 30_000 },
  );
  console.log(unready.split('\n')[0]);
  await replaceToken(account.tokenFile, await mintToken(world.plane.dir, account, 3600));
  await operator.leads();
  await edit(19);
  expect((await operator.ask('/readyz')).status).toBe(200);
});
