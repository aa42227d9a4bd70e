/** What Postgres and Redis hold of some tenants: the part of a tenant that no list of Kubernetes objects shows. */
import { dataNameOf } from '@cloister/tenancy';
import { Redis } from 'ioredis';
import pg from 'pg';

export interface DataServers {
  /** Administrator's address. */
  readonly postgres: pg.ClientConfig;
  readonly redis: string;
}

const names = (rows: readonly { readonly name: string }[]): string[] => rows.map(({ name }) => name);

/** Which of its two logins an account is at depends on how often it was made anew. */
const eitherLogin = (name: string): string => name.replace(/\$[ab]$/, '$');

/** Roles, schemas and users, each with its kind before its name, in order. */
export async function dataHeld({ postgres, redis }: DataServers, prefix: string): Promise<string[]> {
  const client = new pg.Client(postgres);
  await client.connect();
  const store = new Redis(redis);
  try {
    const like = `${dataNameOf(prefix)}%`;
    const roles = await client.query<{ name: string }>('SELECT rolname AS name FROM pg_roles WHERE rolname LIKE $1', [like]);
    const schemas = await client.query<{ name: string }>('SELECT nspname AS name FROM pg_namespace WHERE nspname LIKE $1', [like]);
    const users: unknown = await store.call('ACL', 'USERS');
    const ours = Array.isArray(users) ? users.map(String).filter((name) => name.startsWith(dataNameOf(prefix))) : [];
    return [
      ...names(roles.rows).map((name) => `role ${eitherLogin(name)}`),
      ...names(schemas.rows).map((name) => `schema ${name}`),
      ...ours.map((name) => `user ${eitherLogin(name)}`),
    ].sort();
  } finally {
    await client.end();
    store.disconnect();
  }
}
