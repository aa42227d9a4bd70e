/** Keeps a directory equal to the ConfigMaps and Secrets that the operator, or edge itself, writes. */
import { documentKey, labels, parseDocument } from '@cloister/tenancy';
import type { Logger } from '@cloister/telemetry';
import { kind, type BaseObject, type Cluster, type Informer, type ObjectMeta } from 'kube-runtime';
import { z } from 'zod';
import type { Source } from './directory.ts';

interface Holder extends BaseObject {
  readonly data: Readonly<Record<string, string>>;
}

const holder = z.looseObject({
  metadata: z.custom<ObjectMeta>((value) => typeof value === 'object' && value !== null),
  data: z.record(z.string(), z.string()).default({}),
});
const configMaps = kind<Holder>('v1', 'ConfigMap', { parse: (raw) => holder.parse(raw) });
/** Data stay base64 here: what a cache keeps is parsed again. */
const secrets = kind<Holder>('v1', 'Secret', { parse: (raw) => holder.parse(raw) });

interface Documents<T> {
  readonly schema: z.ZodType<T>;
  readonly documentKind: string;
  readonly namespace: string;
  readonly into: Source<T>;
  readonly log: Logger;
}

export const followConfigMaps = <T>(cluster: Cluster, documents: Documents<T>): Informer<Holder> =>
  follow(cluster.informer(configMaps, scopeOf(documents)), documents, ({ data }) => data);

export const followSecrets = <T>(cluster: Cluster, documents: Documents<T>): Informer<Holder> =>
  follow(cluster.informer(secrets, scopeOf(documents)), documents, decoded);

/** All Secrets of a namespace as they are, decoded. */
export function followRawSecrets(cluster: Cluster, namespace: string, into: Source<Readonly<Record<string, string>>>): Informer<Holder> {
  const informer = cluster.informer(secrets, { namespace });
  informer.onChange(({ type, object }) => {
    if (type === 'deleted') into.remove(object.metadata.name);
    else into.put(object.metadata.name, decoded(object));
  });
  return informer;
}

const scopeOf = ({ namespace, documentKind }: { namespace: string; documentKind: string }) => ({
  namespace,
  labelSelector: `${labels.document}=${documentKind}`,
});

/**
 * A document that cannot be read leaves the one before in force: its writer is Cloister, so it means that the two are of different
 * versions, and cutting tenants off would turn an upgrade into an outage.
 */
function follow<T>(
  informer: Informer<Holder>,
  { schema, into, log }: Documents<T>,
  dataOf: (object: Holder) => Holder['data'],
): Informer<Holder> {
  informer.onChange(({ type, object }) => {
    const { name, resourceVersion } = object.metadata;
    if (type === 'deleted') {
      into.remove(name, resourceVersion);
      return;
    }
    try {
      const source = `${informer.kind.kind} ${informer.scope.namespace ?? ''}/${name}`;
      into.put(name, parseDocument(schema, source, dataOf(object)[documentKey]), resourceVersion);
    } catch (error) {
      log.error(
        { object: name, reason: error instanceof Error ? error.message : 'unknown' },
        'document not usable, keeping the one before',
      );
    }
  });
  return informer;
}

const decoded = ({ data }: Holder): Holder['data'] =>
  Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]));
