import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

/** The administrator of a cluster's Postgres and Redis. */
const credentials = z.object({ user: z.string(), postgresPassword: z.string(), redisPassword: z.string() });

export type Credentials = z.infer<typeof credentials>;

const fileOf = (dir: string): string => join(dir, 'config', 'credentials.json');

/** The administrator's name, in Postgres and in Redis. */
export const adminUser = 'cloister_admin';

export async function makeCredentials(dir: string): Promise<void> {
  // hexadecimal, so that it needs no escaping in a URL
  const password = (): string => randomBytes(24).toString('hex');
  const made: Credentials = { user: adminUser, postgresPassword: password(), redisPassword: password() };
  await writeFile(fileOf(dir), JSON.stringify(made), { mode: 0o600 });
}

export async function readCredentials(dir: string): Promise<Credentials> {
  return credentials.parse(JSON.parse(await readFile(fileOf(dir), 'utf8')));
}
