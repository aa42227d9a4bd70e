/** ConfigMaps and Secrets as holders of documents. */
import { documentKey, parseDocument } from '@cloister/tenancy';
import { kind, type BaseObject, type Kind, type ObjectMeta } from 'kube-runtime';
import { z } from 'zod';

export interface Holder extends BaseObject {
  readonly data: Readonly<Record<string, string>>;
}

const holder = z.looseObject({
  metadata: z.custom<ObjectMeta>((value) => typeof value === 'object' && value !== null),
  data: z.record(z.string(), z.string()).default({}),
});

/** A kind of holder, and how its data are read. */
export interface Holders {
  readonly kind: Kind<Holder>;
  readonly dataOf: (object: Holder) => Holder['data'];
}

export const configMaps: Holders = {
  kind: kind<Holder>('v1', 'ConfigMap', { parse: (raw) => holder.parse(raw) }),
  dataOf: ({ data }) => data,
};

/** Data stay base64 in the object: what a cache keeps is parsed again. */
export const secrets: Holders = {
  kind: kind<Holder>('v1', 'Secret', { parse: (raw) => holder.parse(raw) }),
  dataOf: ({ data }) =>
    Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')])),
};

/** Throws where it is none, and says which object it is. */
export function documentIn<T>(object: Holder, { kind, dataOf }: Holders, schema: z.ZodType<T>): T {
  const { name, namespace = '' } = object.metadata;
  return parseDocument(schema, `${kind.kind} ${namespace}/${name}`, dataOf(object)[documentKey]);
}
