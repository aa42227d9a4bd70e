import { followSecretFile } from '@cloister/settings';
import type { Logger } from '@cloister/telemetry';
import { Replaceable } from '../../../server/replaceable.ts';
import { authoritiesBeside } from './connection.ts';
import { postgres, type Postgres } from './postgres.ts';

interface Following {
  /** At most; as many as {@link postgres} has unless told. */
  readonly connections?: number;
  /** Milliseconds between looks at the file. */
  readonly everyMs?: number;
}

/**
 * The database whose URL stands in a file. When that changes, as when the credential is replaced, statements that have begun end on their
 * connections and all others go to new ones; connections under the old credential are closed, by which the operator sees that it is not used.
 */
export function followedPostgres(path: string, log: Logger, { connections, everyMs }: Following = {}): Postgres {
  const broken = ({ message }: Error) => log.warn({ reason: message }, 'a connection to Postgres broke');
  const open = (url: string) => postgres(url, broken, { connections, readAuthorities: authoritiesBeside(path) });
  const close = (old: Postgres) =>
    void old.close().catch((error: unknown) => log.warn({ reason: String(error) }, 'connections to Postgres did not close'));
  const file = followSecretFile({
    setting: 'DATABASE_URL_FILE',
    path,
    ...(everyMs !== undefined && { everyMs }),
    onProblem: (error) => log.warn({ reason: String(error) }, 'the database URL cannot be followed'),
    onChange: (url) => {
      pools.replace(open(url));
      log.info({}, 'the database is used with its new credential');
    },
  });
  const pools = new Replaceable(open(file.text), close);
  return {
    query: (text, parameters, name) => pools.use((pool) => pool.query(text, parameters, name)),
    script: (text) => pools.use((pool) => pool.script(text)),
    close: () => {
      file.stop();
      return pools.current.close();
    },
  };
}
