/** Where the servers for cluster tests are. `make test` sets these variables. */
import type { PostgresAddress } from '../data/postgres-address.ts';
import { makeTurn, takeTurn } from '../data/postgres-turn.ts';

function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set; run "make test", or set it to a server that these tests may change`);
  return value;
}

/** Administrator's address: CLOISTER_TEST_POSTGRES_URL. */
export function testPostgres(): Omit<PostgresAddress, 'authorities'> {
  const url = new URL(required('CLOISTER_TEST_POSTGRES_URL'));
  return {
    host: url.hostname,
    port: Number(url.port || 5432),
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    database: decodeURIComponent(url.pathname.slice(1)),
    sslmode: 'disable',
  };
}

/** Statements that change what other sessions may be changing, such as a database's rights: after whoever else is about to, in one transaction. */
export const inTurn = (statements: string): string => `${makeTurn}; ${takeTurn}; ${statements}`;

/** Administrator's URL: CLOISTER_TEST_REDIS_URL. */
export const testRedisURL = (): URL => new URL(required('CLOISTER_TEST_REDIS_URL'));
export const testKubeconfig = (): string => required('CLOISTER_TEST_KUBECONFIG');
