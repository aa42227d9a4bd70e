/** What a Redis user may do, as an ACL. */
import { createHash } from 'node:crypto';

export interface RedisUser {
  readonly name: string;
  /** Every key and channel of the user begins with this. */
  readonly prefix: string;
  readonly password: string;
  readonly commands: string;
}

/**
 * For tenants: the data types, transactions and messages, with exact commands for keys and connections.
 *
 * Left out, since they look or reach past the prefix: KEYS, SCAN, RANDOMKEY and DBSIZE (others' keys), SELECT, MOVE and COPY (other
 * databases), CLIENT TRACKING (broadcasts others' keys), PUBSUB (others' channels), INFO, CONFIG, ACL, FLUSH*. Left out, since Redis
 * has one thread for all tenants: scripts and functions, SORT.
 */
export const tenantCommands = [
  '-@all',
  '+@string +@hash +@list +@set +@sortedset +@stream +@hyperloglog +@transaction',
  '+del +unlink +exists +type +expire +pexpire +expireat +pexpireat +ttl +pttl +persist +touch +rename +renamenx',
  '+publish +subscribe +unsubscribe +psubscribe +punsubscribe',
  '+auth +hello +ping +echo +quit +client|setname +client|getname +client|id',
  '-@dangerous -@admin -@scripting',
].join(' ');

/** For edge and egress, which are trusted with scripts; their keys are bounded all the same. */
export const gatewayCommands = '+@all -@admin -@dangerous';

export const passwordHash = (password: string): string => createHash('sha256').update(password).digest('hex');

/** Arguments of ACL SETUSER: first `reset`, so that nothing of before remains. */
export const aclRules = ({ prefix, password, commands }: RedisUser): string[] => [
  'reset',
  'on',
  `#${passwordHash(password)}`,
  `~${prefix}*`,
  'resetchannels',
  `&${prefix}*`,
  ...commands.split(' '),
];
