/** What egress hears of keys, and what of that is on record. */
import { createApiKey, hashApiKey, parseApiKey } from '@cloister/identity';
import { issuedKeyObjectName, type IssuedKey, type KeyReport } from '@cloister/tenancy';
import { createLogger } from '@cloister/telemetry';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { z } from 'zod';
import { IssuedKeyDirectory } from '../../directory/directory.ts';
import { exportOf } from '../../egress/audit/command.ts';
import { administrativeRecord } from '../../egress/audit/record.ts';
import { verify } from '../../egress/audit/verify.ts';
import { egressUnderTest } from '../../egress/egress.fixture.ts';
import { edgeUnderTest } from '../edge.fixture.ts';
import { tellGoneKeys } from './gone-keys.ts';
import { keyReports } from './key-reports.ts';
import type { KeyStore } from './key-store.ts';
import { tellEgress } from './tell-egress.ts';

const link = z.object({ record: administrativeRecord });
const answered = z.object({ id: z.string() });
const log = createLogger({ name: 'edge', level: 'fatal' });
const wait = { own: 20, others: 300 };

function newKey(): IssuedKey {
  const text = createApiKey('acme');
  const id = parseApiKey(text)?.id ?? '';
  const about = { scopes: ['chat' as const], issuedAt: '2026-11-26T08:00:00.000Z', issuedBy: 'key:0123456789ab' };
  return { tenant: 'acme', uid: 'uid-acme', id, name: 'website', hash: hashApiKey(text), ...about };
}

function setUp() {
  const heard: KeyReport[] = [];
  const directory = new IssuedKeyDirectory();
  const send = vi.fn((reports: readonly KeyReport[]) => Promise.resolve(void heard.push(...reports)));
  return { heard, directory, send, reports: keyReports(directory, send, log, wait) };
}

test('a key that comes is told with who asked for it, and never its hash; edge itself knows it at once', async () => {
  const { heard, directory, reports } = setUp();
  const key = newKey();
  reports.put('k', key);
  expect(directory.byId('acme', key.id)).toEqual(key);
  await vi.waitFor(() =>
    expect(heard).toMatchObject([{ tenantUid: 'uid-acme', id: key.id, by: 'key:0123456789ab', key: { name: 'website' } }]),
  );
  expect(JSON.stringify(heard)).not.toContain(key.hash);
});

test('who revoked a key is told by the replica that knows, and the others speak later', async () => {
  const [mine, other] = [setUp(), setUp()];
  const key = newKey();
  for (const { reports } of [mine, other]) {
    reports.put('k', key);
    reports.remove('k');
  }
  mine.reports.revoked(key.uid, key.id, 'key:ba9876543210');
  const gone = { tenant: 'acme', tenantUid: 'uid-acme', id: key.id };
  await vi.waitFor(() => expect(mine.heard.at(-1)).toEqual({ ...gone, by: 'key:ba9876543210' }), 3_000);
  expect(other.heard).toHaveLength(1);
  await vi.waitFor(() => expect(other.heard.at(-1)).toEqual(gone), 3_000);
});

test('what egress does not take is said again; what waits when edge stops is said at once', async () => {
  const { heard, send, reports } = setUp();
  const key = newKey();
  send.mockRejectedValueOnce(new Error('egress answered 503'));
  reports.put('k', key);
  await vi.waitFor(() => expect(heard).toHaveLength(1), 3_000);
  reports.remove('k');
  await reports.close();
  expect(heard).toHaveLength(2);
});

test('a key that went while no replica was there is told, and none that is there, be it that this replica has not heard of it', async () => {
  const { heard, directory, reports } = setUp();
  const [here, fresh, gone] = [newKey(), newKey(), newKey()];
  reports.put('k', here);
  await tellGoneKeys(
    reports,
    [here, fresh, gone].map(({ tenant, uid, id }) => ({ tenant, tenantUid: uid, id })),
    {
      followed: { head: () => undefined },
      now: ({ name }) => Promise.resolve(name === issuedKeyObjectName('acme', fresh.id) ? fresh : undefined),
      keys: directory,
      namespace: 'cloister-keys',
    },
  );
  await vi.waitFor(() =>
    expect(heard.map(({ id, key }) => [id, key === undefined])).toEqual([
      [here.id, false],
      [gone.id, true],
    ]),
  );
});

test(
  'keys that are issued and revoked through edge are on record at egress, with who did it, once for all replicas',
  { timeout: 60_000 },
  async () => {
    await using egress = await egressUnderTest();
    const folder = await mkdtemp(join(tmpdir(), 'edge-'));
    const tokenFile = join(folder, 'token');
    await writeFile(tokenFile, await egress.tokenOf('x', { namespace: 'cloister-system', serviceAccount: 'edge' }));
    const { send, known } = tellEgress(egress.url, tokenFile);
    const directory = new IssuedKeyDirectory();
    const [reports, bystander] = [keyReports(directory, send, log, wait), keyReports(new IssuedKeyDirectory(), send, log, wait)];
    // As both hear of what the API server holds.
    const keyStore: KeyStore = {
      add: (key) => {
        for (const one of [reports, bystander]) one.put(key.id, key);
        return Promise.resolve();
      },
      remove: (_, id) => {
        for (const one of [reports, bystander]) one.remove(id);
        return Promise.resolve(true);
      },
    };
    await using edge = await edgeUnderTest({ keyStore, keyRevoked: reports.revoked });
    const admin = edge.addTenant('acme', {}, ['chat', 'admin']);
    const keys = `${edge.url}/api/v1/tenants/acme/keys`;
    const headers = { authorization: `Bearer ${admin}`, 'content-type': 'application/json' };
    const body = JSON.stringify({ name: 'website', scopes: ['chat'], budget: { daily: { usd: 2 } } });
    const { id: issued } = answered.parse(await (await fetch(keys, { method: 'POST', headers, body })).json());
    const records = async () => {
      const lines: string[] = [];
      for await (const line of await exportOf(egress.sql, 'acme')) lines.push(line);
      return lines.slice(1, -1).map((line) => link.parse(JSON.parse(line)).record);
    };
    await vi.waitFor(async () => expect(await records()).toHaveLength(1), 5_000);
    expect(await known()).toEqual([{ tenant: 'acme', tenantUid: 'uid-acme', id: issued }]);
    expect((await fetch(`${keys}/${issued}`, { method: 'DELETE', headers })).status).toBe(204);
    await vi.waitFor(async () => expect(await records()).toHaveLength(2), 5_000);
    await Promise.all([reports.close(), bystander.close()]);
    const by = `key:${parseApiKey(admin)?.id}`;
    const [added, removed, ...more] = await records();
    expect(added).toMatchObject({ part: 'edge', object: 'key', key: issued, action: 'added', by });
    expect(added?.['changes']).toContainEqual({ field: 'budget.daily.usd', after: 2 });
    expect([removed, more]).toMatchObject([{ part: 'edge', object: 'key', key: issued, action: 'removed', by }, []]);
    expect((await verify(await exportOf(egress.sql, 'acme'))).problems).toEqual([]);
    expect(await known()).toEqual([]);
    await rm(folder, { recursive: true });
  },
);
