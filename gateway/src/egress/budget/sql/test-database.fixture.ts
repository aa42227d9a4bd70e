import { randomBytes } from 'node:crypto';
import pg from 'pg';

export interface TestDatabase {
  /** As the role that egress has: owner of schema `cloister_egress`, and nothing else. */
  readonly url: string;
  drop(): Promise<void>;
}

/** A database of its own on the server of `adminURL`, by default that of CLOISTER_TEST_POSTGRES_URL, whose user must be an administrator. */
export async function testDatabase(adminURL = process.env['CLOISTER_TEST_POSTGRES_URL']): Promise<TestDatabase> {
  if (!adminURL) throw new Error('set CLOISTER_TEST_POSTGRES_URL to the URL of an administrator, or use "make test"');
  const name = `ledger_${randomBytes(6).toString('hex')}`;
  const password = randomBytes(12).toString('hex');
  await run(adminURL, `create role ${name} login password '${password}'`, `create database ${name}`);
  const inside = new URL(adminURL);
  inside.pathname = `/${name}`;
  await run(inside.href, `create schema cloister_egress authorization ${name}`);
  const own = new URL(inside);
  own.username = name;
  own.password = password;
  return { url: own.href, drop: () => run(adminURL, `drop database ${name} with (force)`, `drop role ${name}`) };
}

async function run(url: string, ...statements: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}
