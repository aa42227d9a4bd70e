/** The same on a real Postgres, as the role that the operator makes for a tenant. CLOISTER_TEST_POSTGRES_URL names an administrator. */
import { createLogger } from '@cloister/telemetry';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { describeMemory } from '../memory/memory.specification.ts';
import { testAgent } from '../runtime.fixture.ts';
import type { Database } from './database.ts';
import { migrate } from './migrate.ts';
import { migrations } from './migrations.ts';
import { openPostgres } from './postgres.ts';
import { untilItWorks } from './until-it-works.ts';

const adminURL = process.env.CLOISTER_TEST_POSTGRES_URL;
const role = `t_test_${randomBytes(4).toString('hex')}`;
const lost: Error[] = [];
let admin: Client;
let directory: string;
let urlFile: string;
let database: Database;

async function writeURL(password: string, user = role): Promise<void> {
  const url = new URL(adminURL ?? '');
  url.username = user;
  url.password = password;
  await writeFile(urlFile, `${url.href}\n`);
}

beforeAll(async () => {
  if (adminURL === undefined) throw new Error('set CLOISTER_TEST_POSTGRES_URL to the URL of an administrator');
  admin = new Client({ connectionString: adminURL });
  await admin.connect();
  await admin.query(`create role ${role} login password 'p/w@1' connection limit 20`);
  // As the operator does it: a database that tenants share lets in nobody who was not let in by name.
  const { rows } = await admin.query<{ name: string }>('select quote_ident(current_database()) as name');
  await admin.query(`grant connect on database ${rows[0]?.name ?? ''} to ${role}`);
  await admin.query(`create schema ${role} authorization ${role}`);
  await admin.query(`alter role ${role} set search_path = ${role}`);
  directory = await mkdtemp(join(tmpdir(), 'postgres-'));
  urlFile = join(directory, 'url');
  await writeURL('p/w@1');
  database = openPostgres({ urlFile, onConnectionLost: (error) => lost.push(error) });
});

afterAll(async () => {
  await database.close();
  await admin.query(`drop schema if exists ${role} cascade`);
  await admin.query(`drop owned by ${role}`);
  await admin.query(`drop role ${role}`);
  await admin.end();
  await rm(directory, { recursive: true });
});

/** Resolves when the pool has noticed every one of them. */
async function endConnections(): Promise<void> {
  const before = lost.length;
  const ended = await admin.query(`select pg_terminate_backend(pid) from pg_stat_activity where usename = $1`, [role]);
  await expect.poll(() => lost.length - before).toBe(ended.rowCount);
}

describe('on Postgres', () => {
  describeMemory(() => database);
});

test('an agent keeps a conversation in the schema of its role and nowhere else', async () => {
  const agent = await testAgent({ database });
  const answer = await agent.call('POST', '/api/v1/tenants/acme/chat', { body: { message: 'Hello' } });
  expect(answer.status).toBe(200);
  await agent.stop();
  const found = await admin.query(`select schemaname from pg_tables where tablename = 'message' and tableowner = $1`, [role]);
  expect(found.rows).toEqual([{ schemaname: role }]);
});

describe('a schema that is new', () => {
  const schema = `${role}_new`;
  const opened: Database[] = [];
  const agent = (): Database => {
    const fresh = openPostgres({ urlFile, onConnectionLost: () => undefined });
    opened.push(fresh);
    return fresh;
  };
  beforeEach(() => admin.query(`create schema ${schema} authorization ${role}; alter role ${role} set search_path = ${schema}`));
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((fresh) => fresh.close()));
    await admin.query(`drop schema ${schema} cascade; alter role ${role} set search_path = ${role}`);
  });
  const lock = `select pg_advisory_xact_lock(hashtextextended('cloister-agent migrate ${schema}', 0))`;
  const versions = () => agent().query('select version from schema_version order by version');
  const all = migrations.map((_, index) => ({ version: index + 1 }));

  test('is prepared by agents that start together, whatever advisory locks another tenant holds', async () => {
    const other = new Client({ connectionString: adminURL });
    await other.connect();
    await other.query(`begin; ${lock}`); // what agents of versions before wait for
    try {
      await Promise.all(Array.from({ length: 8 }, () => migrate(agent())));
      expect(await versions()).toEqual(all);
    } finally {
      await other.end();
    }
  });

  /** As agents did it that took turns by an advisory lock. */
  const asBefore = (database: Database): Promise<void> =>
    database.transaction(async (queries) => {
      await queries.query(lock);
      await queries.query(
        'create table if not exists schema_version (version integer primary key, name text not null, applied_at timestamptz not null default now())',
      );
      const [newest] = await queries.query('select coalesce(max(version), 0) as version from schema_version');
      for (const [index, { name, statements }] of migrations.entries()) {
        if (index < Number(newest?.['version'])) continue;
        for (const statement of statements) await queries.query(statement);
        await queries.query('insert into schema_version (version, name) values ($1, $2)', [index + 1, name]);
      }
    });

  test.each([1, 2, 3])('is prepared by agents of this version and of the one before together, try %i', async () => {
    const logger = createLogger({ name: 'agent', level: 'silent' });
    const start = (prepare: (database: Database) => Promise<void>) =>
      untilItWorks(() => prepare(agent()), logger, AbortSignal.timeout(10_000));
    expect(await Promise.all([start(asBefore), start(migrate), start(asBefore), start(migrate)])).toEqual([true, true, true, true]);
    expect(await versions()).toEqual(all);
  });
});

test('many messages at once to many conversations need no more than a handful of connections', async () => {
  const agent = await testAgent({ database });
  const sent = Array.from({ length: 40 }, (_, index) =>
    agent.call('POST', '/api/v1/tenants/acme/chat', { body: { message: `Hello ${index}` } }),
  );
  expect((await Promise.all(sent)).map(({ status }) => status)).toEqual(Array<number>(40).fill(200));
  const { rows } = await admin.query<{ connections: number }>(
    `select count(*)::int as connections from pg_stat_activity where usename = $1`,
    [role],
  );
  expect(rows[0]?.connections).toBeLessThanOrEqual(5);
  await agent.stop();
});

test('connections that the server ends are told, replaced, and cost no later statement', async () => {
  await database.query('select 1');
  await endConnections();
  expect(lost[0]).toMatchObject({ name: 'DatabaseUnavailable' });
  expect(await database.query('select 1 as one')).toEqual([{ one: 1 }]);
});

test('a password that was changed is read again for new connections', async () => {
  await admin.query(`alter role ${role} password 'second'`);
  await endConnections();
  await expect(database.query('select 1 as one')).rejects.toThrow('the database is unavailable: SQLSTATE 28P01');
  await writeURL('second');
  expect(await database.query('select 1 as one')).toEqual([{ one: 1 }]);
});

test('another role, whose credential took the place of the one before, is used without a restart', async () => {
  const other = `${role}_other`;
  await admin.query(`create role ${other} login noinherit password 'other' in role ${role}`);
  await admin.query(`alter role ${other} set role = ${role}`);
  const { rows } = await admin.query<{ name: string }>('select quote_ident(current_database()) as name');
  await admin.query(`grant connect on database ${rows[0]?.name ?? ''} to ${other}`);
  await writeURL('other', other);
  await admin.query(`alter role ${role} nologin`);
  await endConnections();
  expect(await database.query('select session_user::text as session, current_user::text as acting')).toEqual([
    { session: other, acting: role },
  ]);
  await database.close();
  await admin.query(`alter role ${role} login`);
  await writeURL('second');
  database = openPostgres({ urlFile, onConnectionLost: (error) => lost.push(error) });
  await admin.query(`drop owned by ${other}`);
  await admin.query(`drop role ${other}`);
});

test('a server that is not there is unavailable, and the reason shows no password', async () => {
  const nowhere = join(directory, 'nowhere');
  await writeFile(nowhere, 'postgres://someone:hush@127.0.0.1:1/none');
  const away = openPostgres({ urlFile: nowhere, onConnectionLost: () => undefined });
  const error: unknown = await away.query('select 1').catch((reason: unknown) => reason);
  expect(error).toMatchObject({ name: 'DatabaseUnavailable', message: 'the database is unavailable: ECONNREFUSED' });
  await away.close();
});
