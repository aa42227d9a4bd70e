/** Documents as they stand at the API server at this moment, whatever a watch has told of by now. */
import type { Cluster, ObjectKey } from 'kube-runtime';
import type { z } from 'zod';
import { configMaps, documentIn, secrets, type Holders } from './holders.ts';

/** Undefined where no object is there. Rejects where the API server cannot say. */
export type ReadNow<T> = (at: ObjectKey) => Promise<T | 'unreadable' | undefined>;

export const configMapsNow = <T>(cluster: Pick<Cluster, 'list'>, schema: z.ZodType<T>): ReadNow<T> => readNow(cluster, configMaps, schema);

export const secretsNow = <T>(cluster: Pick<Cluster, 'list'>, schema: z.ZodType<T>): ReadNow<T> => readNow(cluster, secrets, schema);

/** A list of one is as new as a "get" (no version is named, so it is the latest), and who may watch may list. */
function readNow<T>(cluster: Pick<Cluster, 'list'>, holders: Holders, schema: z.ZodType<T>): ReadNow<T> {
  return async ({ name, namespace = '' }) => {
    const [object] = await cluster.list(holders.kind, { namespace, fieldSelector: `metadata.name=${name}` });
    if (!object) return undefined;
    try {
      return documentIn(object, holders, schema);
    } catch {
      return 'unreadable'; // who follows it has said so in the log
    }
  };
}
