import { DatabaseUnavailable, StatementFailed } from './database.ts';

/** SQLSTATE classes and codes after which trying again makes sense (https://www.postgresql.org/docs/17/errcodes-appendix.html). */
const transientClasses = [
  '08', // connection exception
  '28', // not let in, as while a password is being changed
  '3D', // no such database, as while one is being restored
  '53', // insufficient resources, for example too many connections
  '57', // operator intervention, for example a shutdown or a cancelled statement
  '58', // system error
];
const sqlState = /^[0-9A-Z]{5}$/;

/** Turns whatever a driver throws into one of the two errors that {@link Queries} may throw; errors of ours pass unchanged. */
export function databaseError(error: unknown): Error {
  if (!(error instanceof Error) || error instanceof DatabaseUnavailable || error instanceof StatementFailed) return asError(error);
  const code = textOf(error, 'code');
  if (code === undefined || !sqlState.test(code)) return fromSocket(error, code);
  if (transientClasses.includes(code.slice(0, 2))) return new DatabaseUnavailable(`SQLSTATE ${code}`);
  return new StatementFailed(code, textOf(error, 'constraint') ?? textOf(error, 'table') ?? textOf(error, 'routine'));
}

/** Runs one call of a driver under the error contract of {@link Queries}. */
export async function translated<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw databaseError(error);
  }
}

const asError = (error: unknown): Error => (error instanceof Error ? error : new DatabaseUnavailable('the driver threw no error object'));

/** Without an SQLSTATE the driver itself failed: refused, reset or timed-out connections, none of which quote row values. */
const fromSocket = (error: Error, code: string | undefined): DatabaseUnavailable => new DatabaseUnavailable(code ?? error.message);

function textOf(error: Error, property: string): string | undefined {
  const value: unknown = Reflect.get(error, property);
  return typeof value === 'string' && value !== '' ? value : undefined;
}
