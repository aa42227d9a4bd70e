/** Keeps a directory equal to the ConfigMaps and Secrets that the operator, or edge itself, writes. */
import { labels } from '@cloister/tenancy';
import type { Logger } from '@cloister/telemetry';
import type { Cluster, Informer } from 'kube-runtime';
import type { z } from 'zod';
import type { Source } from './directory.ts';
import { configMaps, documentIn, secrets, type Holder, type Holders } from './holders.ts';

interface Documents<T> {
  readonly schema: z.ZodType<T>;
  readonly documentKind: string;
  readonly namespace: string;
  readonly into: Source<T>;
  readonly log: Logger;
}

export const followConfigMaps = <T>(cluster: Cluster, documents: Documents<T>): Informer<Holder> => follow(cluster, configMaps, documents);

export const followSecrets = <T>(cluster: Cluster, documents: Documents<T>): Informer<Holder> => follow(cluster, secrets, documents);

/** All Secrets of a namespace as they are, decoded. */
export function followRawSecrets(cluster: Cluster, namespace: string, into: Source<Readonly<Record<string, string>>>): Informer<Holder> {
  const informer = cluster.informer(secrets.kind, { namespace });
  informer.onChange(({ type, object }) => {
    if (type === 'deleted') into.remove(object.metadata.name);
    else into.put(object.metadata.name, secrets.dataOf(object));
  });
  return informer;
}

/**
 * A document that cannot be read leaves the one before in force: its writer is Cloister, so it means that the two are of different
 * versions, and cutting tenants off would turn an upgrade into an outage.
 */
function follow<T>(cluster: Cluster, holders: Holders, { schema, documentKind, namespace, into, log }: Documents<T>): Informer<Holder> {
  const informer = cluster.informer(holders.kind, { namespace, labelSelector: `${labels.document}=${documentKind}` });
  informer.onChange(({ type, object }) => {
    const { name, resourceVersion } = object.metadata;
    if (type === 'deleted') {
      into.remove(name, resourceVersion);
      return;
    }
    try {
      into.put(name, documentIn(object, holders, schema), resourceVersion);
    } catch (error) {
      log.error(
        { object: name, reason: error instanceof Error ? error.message : 'unknown' },
        'document not usable, keeping the one before',
      );
    }
  });
  return informer;
}
