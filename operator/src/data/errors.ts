/** Every error of the data systems that the operator itself words, in one table. None holds a password. */
import type { Reason } from '../status/reasons.ts';

const table = {
  admin_secret_missing: {
    reason: 'AdminSecretMissing',
    say: 'Secret "{secret}" in namespace "{namespace}" is missing; create it with the keys {keys}',
  },
  admin_secret_invalid: {
    reason: 'AdminSecretMissing',
    say: 'Secret "{secret}" in namespace "{namespace}" has no usable {field}; it needs the keys {keys}',
  },
  admin_secret_tls: { reason: 'AdminSecretMissing', say: 'Secret "{secret}" in namespace "{namespace}": {problem}' },
  data_taken: {
    reason: 'DataTaken',
    say:
      'role or schema "{name}" in Postgres belongs to another Tenant (uid {owner}), or was retained when that was deleted. ' +
      'To hand both over: COMMENT ON SCHEMA "{name}" IS \'{wanted}\'; COMMENT ON ROLE "{name}" IS \'{wanted}\'. ' +
      'To drop them with what they hold: DROP SCHEMA "{name}" CASCADE; DROP OWNED BY "{name}"; DROP ROLE "{name}"',
  },
  owner_gone: {
    reason: 'DataUnreachable',
    say: 'the Tenant (uid {owner}) of "{name}" is gone or being deleted: nothing is made for it any more',
  },
  walls_open: {
    reason: 'DataOpen',
    say:
      'in database "{database}" every role may do what these statements take away, and the administrator that the operator was given may not run them, ' +
      'so nobody new gets a schema there. Have their owner or a superuser run: {statements}',
  },
  turn_closed: {
    reason: 'DataUnreachable',
    say:
      'table "cloister_operator.turn" in Postgres, by which the operator changes roles one at a time, belongs to another administrator. Have that one or a ' +
      'superuser run, with the name of the present one: ALTER SCHEMA cloister_operator OWNER TO …; ALTER TABLE cloister_operator.turn OWNER TO …',
  },
  postgres_failed: { reason: 'DataUnreachable', say: 'Postgres at {address}: {why}' },
  postgres_untrusted: {
    reason: 'DataUnreachable',
    say: "Postgres at {address} is not trusted: {why}. Compare its certificate with ca.crt and host in the administrators' Secret",
  },
  redis_failed: { reason: 'DataUnreachable', say: 'Redis at {address}: {why}' },
} as const satisfies Record<string, { reason: Reason; say: string }>;

export type DataErrorCode = keyof typeof table;

export class DataError extends Error {
  readonly code: DataErrorCode;
  readonly reason: Reason;

  constructor(code: DataErrorCode, details: Readonly<Record<string, string>>, options?: ErrorOptions) {
    super(
      table[code].say.replace(/\{(\w+)\}/g, (whole, name: string) => details[name] ?? whole),
      options,
    );
    this.name = 'DataError';
    this.code = code;
    this.reason = table[code].reason;
  }
}

/** The message of an error, and its code where it has one: what Postgres and Redis say holds no secret of ours. */
export function describe(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return describe(error.errors[0]);
  if (!(error instanceof Error)) return 'unknown error';
  const code = 'code' in error && typeof error.code === 'string' && !error.message.includes(error.code) ? ` (${error.code})` : '';
  return `${error.message}${code}`;
}
