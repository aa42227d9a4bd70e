/** One look at everything that Postgres knows about roles and their schemas, and what would have to change. */
import pg from 'pg';
import { z } from 'zod';
import { slotsOf } from './logins.ts';

/**
 * A role with a schema of the same name, which are one tenant's or one of Cloister's own parts'. The role owns and never changes; sessions
 * come in by its logins (logins.ts), of which each has these limits.
 */
export interface RoleWanted {
  readonly name: string;
  /** Who it is for, kept as comment on role and schema: a later Tenant of the same name is another owner. */
  readonly owner: string;
  readonly connectionLimit: number;
  readonly statementTimeoutSeconds: number;
}

const state = z.object({
  name: z.string(),
  role_exists: z.boolean(),
  schema_exists: z.boolean(),
  role_owner: z.string().nullable(),
  schema_owner: z.string().nullable(),
  login: z.boolean().nullable(),
  inherit: z.boolean().nullable(),
  superuser: z.boolean().nullable(),
  createdb: z.boolean().nullable(),
  createrole: z.boolean().nullable(),
  replication: z.boolean().nullable(),
  bypassrls: z.boolean().nullable(),
  connection_limit: z.int().nullable(),
  settings: z.array(z.string()).nullable(),
  set_everywhere: z.boolean(),
  owns_schema: z.boolean().nullable(),
  schema_open: z.boolean().nullable(),
  may_connect: z.boolean().nullable(),
  member_of: z.array(z.string()),
  admin_is_superuser: z.boolean(),
});
export type RoleState = z.infer<typeof state>;

/**
 * Settings of a role that the administrator may take away: one who is no superuser may only what everybody may set, and `RESET ALL` leaves the rest without
 * a word. Names with a dot are left out too: whether one is everybody's depends on the libraries that the session at hand has loaded.
 */
const settingsIn = (database: string): string => `
  (SELECT CASE WHEN (SELECT superuser FROM admin) THEN setconfig
               ELSE (SELECT array_agg(setting) FROM unnest(setconfig) AS setting WHERE split_part(setting, '=', 1) IN (SELECT name FROM everybodys)) END
   FROM pg_db_role_setting WHERE setrole = r.oid AND setdatabase = ${database})`;

/** Two settings that everybody may change stand in no list. */
const query = `
  WITH admin AS (SELECT rolsuper AS superuser FROM pg_roles WHERE rolname = current_user),
       everybodys AS MATERIALIZED (
         SELECT name FROM pg_settings WHERE context = 'user' AND name NOT LIKE '%.%'
         UNION ALL VALUES ('role'), ('session_authorization'))
  SELECT w.name,
         r.oid IS NOT NULL AS role_exists,
         n.oid IS NOT NULL AS schema_exists,
         shobj_description(r.oid, 'pg_authid') AS role_owner,
         obj_description(n.oid, 'pg_namespace') AS schema_owner,
         r.rolcanlogin AS login, r.rolinherit AS inherit, r.rolsuper AS superuser, r.rolcreatedb AS createdb,
         r.rolcreaterole AS createrole, r.rolreplication AS replication, r.rolbypassrls AS bypassrls,
         r.rolconnlimit AS connection_limit,
         ${settingsIn('d.oid')} AS settings,
         ${settingsIn('0')} IS NOT NULL AS set_everywhere,
         n.nspowner = r.oid AS owns_schema,
         has_schema_privilege('public', n.oid, 'USAGE') OR has_schema_privilege('public', n.oid, 'CREATE') AS schema_open,
         has_database_privilege(r.oid, d.oid, 'CONNECT') AS may_connect,
         ARRAY(SELECT g.rolname::text FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid WHERE m.member = r.oid) AS member_of,
         (SELECT superuser FROM admin) AS admin_is_superuser
  FROM unnest($1::name[]) AS w (name)
  JOIN pg_database d ON d.datname = current_database()
  LEFT JOIN pg_roles r ON r.rolname = w.name
  LEFT JOIN pg_namespace n ON n.nspname = w.name`;

/** By name; those that are not there, too. */
export type Roles = ReadonlyMap<string, RoleState>;

/** Of accounts, with all their logins. */
export async function readRoles(client: pg.ClientBase, accounts: readonly string[]): Promise<Roles> {
  const names = accounts.flatMap((account) => [account, ...slotsOf(account)]);
  const { rows } = await client.query<Record<string, unknown>>(query, [names]);
  return new Map(
    z
      .array(state)
      .parse(rows)
      .map((role) => [role.name, role]),
  );
}

export function roleIn(roles: Roles, name: string): RoleState {
  const found = roles.get(name);
  if (!found) throw new Error(`Postgres was not asked for the role ${name}`);
  return found;
}

/** Logins of the account that are there. One that was locked out and not yet dropped is there too: somebody has to finish that. */
export function loginsIn(roles: Roles, account: string): string[] {
  const slots = slotsOf(account).filter((login) => roleIn(roles, login).role_exists);
  return roleIn(roles, account).login === true ? [account, ...slots] : slots;
}

const stored = z.array(z.object({ name: z.string(), verifier: z.string() }));

/** What Postgres has stored for passwords, by login. Only a superuser may ask. */
export async function readVerifiers(client: pg.ClientBase, logins: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const query = 'SELECT rolname::text AS name, rolpassword AS verifier FROM pg_authid WHERE rolname = ANY ($1) AND rolpassword IS NOT NULL';
  const { rows } = await client.query<Record<string, unknown>>(query, [logins]);
  return new Map(stored.parse(rows).map(({ name, verifier }) => [name, verifier]));
}

/** Settings of a role in this database, as Postgres keeps them: `name=value`, in the order in which they are set. */
function settingsOf({ name, statementTimeoutSeconds }: RoleWanted, login: string, adminIsSuperuser: boolean): ReadonlyMap<string, string> {
  return new Map([
    ['search_path', name],
    ['statement_timeout', `${statementTimeoutSeconds}s`],
    ['idle_in_transaction_session_timeout', '60s'],
    // Bounds the disk that one sort may fill. Only a superuser can set it, and then the tenant cannot lift it.
    ...(adminIsSuperuser ? [['temp_file_limit', '1GB'] as const] : []),
    // A session of a login acts as the owner from its first statement on, so that whatever it makes is the owner's.
    ...(login === name ? [] : [['role', name] as const]),
  ]);
}

const quoted = (name: string): string => pg.escapeIdentifier(name);
const text = (value: string): string => pg.escapeLiteral(value);

/** The statements that make account and login as they are wanted, password aside. None when all is as it should be. */
export const statementsFor = (wanted: RoleWanted, login: string, roles: Roles, database: string): string[] => [
  ...ownerStatements(wanted, login, roleIn(roles, wanted.name), database),
  ...(login === wanted.name ? [] : loginStatements(wanted, login, roleIn(roles, login), database)),
];

/**
 * The statements that make the owner as it is wanted. None when all is as it should be. It may log in only where `login` is its own name;
 * where it already may, that is left to whoever ends logins.
 */
function ownerStatements(wanted: RoleWanted, login: string, found: RoleState, database: string): string[] {
  const role = quoted(wanted.name);
  const logsIn = login === wanted.name || found.login === true;
  const lines = roleStatements({ wanted, role: wanted.name, logsIn, groups: [] }, found, database);
  const unless = (right: boolean, statement: string) => {
    if (!right) lines.push(statement);
  };
  unless(found.role_owner === wanted.owner, `COMMENT ON ROLE ${role} IS ${text(wanted.owner)}`);
  // An administrator who is no superuser may only give a schema to a role of which it is a member.
  unless(found.admin_is_superuser || (found.role_exists && found.schema_exists), `GRANT ${role} TO CURRENT_USER`);
  unless(found.schema_exists, `CREATE SCHEMA ${role} AUTHORIZATION ${role}`);
  unless(!found.schema_exists || found.owns_schema === true, `ALTER SCHEMA ${role} OWNER TO ${role}`);
  unless(found.schema_open !== true, `REVOKE ALL ON SCHEMA ${role} FROM PUBLIC`);
  unless(found.schema_owner === wanted.owner, `COMMENT ON SCHEMA ${role} IS ${text(wanted.owner)}`);
  return lines;
}

/** The same for a login: a role that has nothing but the way in and the right to act as the owner. */
function loginStatements(wanted: RoleWanted, login: string, found: RoleState, database: string): string[] {
  const lines = roleStatements({ wanted, role: login, logsIn: true, groups: [wanted.name] }, found, database);
  if (!found.role_exists && !found.admin_is_superuser) lines.push(`GRANT ${quoted(login)} TO CURRENT_USER`);
  return lines;
}

interface RoleParts {
  readonly wanted: RoleWanted;
  readonly role: string;
  readonly logsIn: boolean;
  /** The only roles of which it is a member. */
  readonly groups: readonly string[];
}

function roleStatements({ wanted, role, logsIn, groups }: RoleParts, found: RoleState, database: string): string[] {
  const name = quoted(role);
  const lines: string[] = [];
  const { connectionLimit } = wanted;
  if (!found.role_exists) lines.push(`CREATE ROLE ${name} ${logsIn ? 'LOGIN' : 'NOLOGIN'} NOINHERIT CONNECTION LIMIT ${connectionLimit}`);
  else {
    const attributes = wrongAttributes({ logsIn, connectionLimit }, found);
    if (attributes !== '') lines.push(`ALTER ROLE ${name} ${attributes}`);
  }
  if (found.may_connect !== true) lines.push(`GRANT CONNECT ON DATABASE ${quoted(database)} TO ${name}`);
  for (const group of found.member_of) if (!groups.includes(group)) lines.push(`REVOKE ${quoted(group)} FROM ${name}`);
  for (const group of groups) if (!found.member_of.includes(group)) lines.push(`GRANT ${quoted(group)} TO ${name}`);
  return [...lines, ...settingStatements(wanted, role, found, database)];
}

/** A role may give itself settings, in this database and everywhere, with which it works no more. */
function settingStatements(wanted: RoleWanted, role: string, found: RoleState, database: string): string[] {
  const settings = settingsOf(wanted, role, found.admin_is_superuser);
  const right =
    [...settings].every(([key, value]) => found.settings?.includes(`${key}=${value}`)) && found.settings?.length === settings.size;
  const inDatabase = `ALTER ROLE ${quoted(role)} IN DATABASE ${quoted(database)}`;
  return [
    ...(found.set_everywhere ? [`ALTER ROLE ${quoted(role)} RESET ALL`] : []),
    ...(right ? [] : [`${inDatabase} RESET ALL`, ...[...settings].map(([key, value]) => `${inDatabase} SET ${key} = ${text(value)}`)]),
  ];
}

/** Only attributes that differ are named: to name one, even to deny it, takes rights that a plain CREATEROLE administrator lacks. */
function wrongAttributes(wanted: { readonly logsIn: boolean; readonly connectionLimit: number }, found: RoleState): string {
  return [
    found.login === wanted.logsIn ? '' : wanted.logsIn ? 'LOGIN' : 'NOLOGIN',
    found.inherit === true ? 'NOINHERIT' : '',
    found.superuser === true ? 'NOSUPERUSER' : '',
    found.createdb === true ? 'NOCREATEDB' : '',
    found.createrole === true ? 'NOCREATEROLE' : '',
    found.replication === true ? 'NOREPLICATION' : '',
    found.bypassrls === true ? 'NOBYPASSRLS' : '',
    found.connection_limit === wanted.connectionLimit ? '' : `CONNECTION LIMIT ${wanted.connectionLimit}`,
  ]
    .filter(Boolean)
    .join(' ');
}
