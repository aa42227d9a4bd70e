import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

const identity = z.object({ pid: z.number(), startTime: z.string(), namespace: z.string().default('') });

/** What is remembered about a cluster in its directory: enough to use it, and to clean up after a start that was cut off. */
const record = z.object({
  name: z.string(),
  kind: z.enum(['cluster', 'control-plane', 'stores']),
  slot: z.number(),
  /** The first process of the machine; absent until it runs. */
  machine: identity.optional(),
  /** The process with which it ends; absent where it outlives whoever started it. */
  keeper: identity.optional(),
  /** False until the start has succeeded as a whole. */
  complete: z.boolean(),
});

export type ClusterRecord = z.infer<typeof record>;

export async function readRecord(dir: string): Promise<ClusterRecord | undefined> {
  const text = await readFile(join(dir, 'cluster.json'), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : record.parse(JSON.parse(text));
}

/** Replaces the record as a whole: a reader sees the old one or the new one. */
export async function writeRecord(dir: string, value: ClusterRecord): Promise<void> {
  const file = join(dir, 'cluster.json');
  await writeFile(`${file}.new`, JSON.stringify(value, null, 2));
  await rename(`${file}.new`, file);
}
