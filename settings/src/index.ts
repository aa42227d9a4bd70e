/**
 * Settings of a process: read once at start-up from the environment, checked by a zod schema.
 * Secrets are never given in the environment but as files; a setting that ends in `_FILE` names one.
 */
import { readFileSync } from 'node:fs';
import type { z } from 'zod';

/** Lists every wrong setting at once, by the name under which it is set, without its value. */
export class SettingsError extends Error {
  constructor(problems: readonly string[]) {
    super(`the settings are not usable:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.name = 'SettingsError';
  }
}

/** Throws {@link SettingsError}. Empty variables count as not set. */
export function readSettings<T>(schema: z.ZodType<T>, environment: NodeJS.ProcessEnv = process.env): T {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== undefined && value !== ''));
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  throw new SettingsError(result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`));
}

/** Content of a mounted secret file without the white space around it. Throws an error that names setting and path. */
export function readSecretFile(setting: string, path: string): string {
  try {
    const text = readFileSync(path, 'utf8').trim();
    if (text === '') throw new SettingsError([`${setting}: the file ${path} is empty`]);
    return text;
  } catch (error) {
    if (error instanceof SettingsError) throw error;
    throw new SettingsError([`${setting}: the file ${path} cannot be read (${error instanceof Error ? error.message : 'unknown reason'})`]);
  }
}

export { followSecretFile, type FollowOptions } from './followed-file.ts';
