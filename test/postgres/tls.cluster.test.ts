/** Everything that connects to Postgres, with one that takes nobody without TLS. It starts that by itself. */
import { makeAuthority } from '@cloister/certificates';
import { createLogger } from '@cloister/telemetry';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openPostgres } from '../../agent-runtime/src/store/postgres.ts';
import { authoritiesBeside } from '../../gateway/src/egress/budget/sql/connection.ts';
import { followedPostgres } from '../../gateway/src/egress/budget/sql/followed-postgres.ts';
import { snapshot } from '../../gateway/src/egress/budget/sql/snapshot.ts';
import { encoded } from '../../operator/src/child.ts';
import { Accounts } from '../../operator/src/data/accounts.ts';
import { Connections } from '../../operator/src/data/connections.ts';
import { ownTLSPostgres, type TLSPostgres } from './own-tls-postgres.ts';

const log = createLogger({ name: 'test', destination: { write: () => undefined } });
const life = { from: new Date(), days: 1 };
/** Whoever is answered is connected by TLS: this server takes nobody else. */
const who = 'select session_user::text as who';
const role = { name: 't_tls', owner: 'uid-of-tls', connectionLimit: 20, statementTimeoutSeconds: 30 };
const login = { login: 't_tls$a', password: 'o'.repeat(64) };

let postgres: TLSPostgres;
let stranger: string;
let folder: string;
const opened: { close(): unknown }[] = [];

beforeAll(async () => {
  [postgres, stranger, folder] = await Promise.all([
    ownTLSPostgres(),
    makeAuthority('stranger', life).then(({ certificate }) => certificate),
    mkdtemp(join(tmpdir(), 'tls-')),
  ]);
});
afterAll(async () => {
  for (const one of opened) await one.close();
  await postgres.close();
  await rm(folder, { recursive: true });
});

/** The tenant's account, by an operator whose administrators' Secret says this beside where Postgres is. */
function accountBy(trust: Readonly<Record<string, string>>, host = postgres.address.host) {
  const data = encoded({ ...postgres.address, host, port: String(postgres.address.port), ...trust });
  const connections = new Connections({
    namespace: 'test',
    postgres: { name: 'postgres-admin', read: () => ({ metadata: { name: 'postgres-admin' }, data }) },
    redis: { name: 'redis-admin', read: () => undefined },
  });
  opened.push(connections);
  return new Accounts(connections, 0).database(role);
}

/** As a kubelet mounts the Secret of the login. */
async function mounted(content: Readonly<Record<string, string>>): Promise<string> {
  const mount = await mkdtemp(join(folder, 'mount-'));
  for (const [key, text] of Object.entries(content)) await writeFile(join(mount, key), text);
  return join(mount, 'url');
}

function agentAt(urlFile: string) {
  const database = openPostgres({ urlFile, onConnectionLost: () => undefined });
  opened.push(database);
  return database;
}

function egressAt(urlFile: string) {
  const sql = followedPostgres(urlFile, log);
  opened.push(sql);
  return sql;
}

describe.each(['verify-full', 'verify-ca', 'require'])('with sslmode %s', (sslmode) => {
  test('the operator makes a login, and its Secret lets agent and egress in by TLS', async () => {
    const account = accountBy({ sslmode, ...(sslmode !== 'require' && { 'ca.crt': postgres.authority }) });
    await account.ensure(login);
    const urlFile = await mounted(await account.content(login));
    expect(await agentAt(urlFile).query(who)).toEqual([{ who: login.login }]);
    expect(await egressAt(urlFile).query(who, [])).toEqual([{ who: login.login }]);
    const reader = await snapshot((await account.content(login))['url'] ?? '', authoritiesBeside(urlFile));
    expect(await reader.query(who, [])).toEqual([{ who: login.login }]);
    await reader.close();
  });
});

test('without TLS nobody gets in, and the operator tells why', async () => {
  await expect(accountBy({}).ensure(login)).rejects.toThrow('no encryption');
});

test('a server whose certificate another authority signed is refused by all, in words that say so', async () => {
  const trust = { sslmode: 'verify-full', 'ca.crt': stranger };
  const account = accountBy(trust);
  await expect(account.ensure(login)).rejects.toThrow(/is not trusted: .*certificate.*ca\.crt/);
  const urlFile = await mounted(await account.content(login));
  const notOurs = /UNABLE_TO_VERIFY_LEAF_SIGNATURE|unable to verify the first certificate/;
  await expect(agentAt(urlFile).query('select 1')).rejects.toThrow(notOurs);
  await expect(egressAt(urlFile).query('select 1', [])).rejects.toThrow(notOurs);
});

test('by another name than its certificate has, a server is taken with verify-ca and refused with verify-full', async () => {
  const by = (sslmode: string) => accountBy({ sslmode, 'ca.crt': postgres.authority }, '127.0.0.1').ensure(login);
  await by('verify-ca');
  await expect(by('verify-full')).rejects.toThrow(/is not trusted: .*127\.0\.0\.1/);
});

test('an authority that took the place of another counts for new connections, without a restart', async () => {
  const account = accountBy({ sslmode: 'verify-full', 'ca.crt': postgres.authority });
  await account.ensure(login);
  const content = await account.content(login);
  const urlFile = await mounted({ ...content, 'ca.crt': stranger });
  const [agent, egress] = [agentAt(urlFile), egressAt(urlFile)];
  await expect(agent.query('select 1')).rejects.toThrow();
  await expect(egress.query('select 1', [])).rejects.toThrow();
  await writeFile(join(urlFile, '..', 'ca.crt'), content['ca.crt'] ?? '');
  expect(await agent.query(who)).toEqual([{ who: login.login }]);
  expect(await egress.query(who, [])).toEqual([{ who: login.login }]);
});
