/** Makes what two servers say comparable: what each makes up by itself is replaced by the order in which it was first seen. */
import { isRecord, recordOf, type Json } from '../objects/json.ts';

export class Normaliser {
  readonly #numbers = new Map<string, string>();
  readonly #counts = new Map<string, number>();

  normalise(value: unknown): unknown {
    const object = recordOf(value);
    if (Array.isArray(object['items'])) return this.#list(object);
    return isRecord(object['metadata']) ? this.#object(object) : value;
  }

  withoutUids(text: string): string {
    return text.replace(uuid, (uid) => this.#numbers.get(`uid ${uid}`) ?? 'nobody');
  }

  /** Of each object its name and version. Which of several with a generated name comes first is each server's own. */
  #list({ kind, metadata, items }: Json): Json {
    const found = (Array.isArray(items) ? items : []).map((item: unknown) => {
      const { name, namespace, generateName, resourceVersion } = recordOf(recordOf(item)['metadata']);
      if (generateName !== undefined) return withoutSuffix(name);
      const key = `${String(kind).replace(/List$/, '')} ${String(namespace)}/${String(name)}`;
      return `${String(name)}, ${this.#number('version', key, resourceVersion)}`;
    });
    return { items: found, more: Boolean(recordOf(metadata)['continue']) };
  }

  #object(object: Json): Json {
    const metadata = { ...recordOf(object['metadata']) };
    const name = 'generateName' in metadata ? withoutSuffix(metadata['name']) : String(metadata['name']);
    const key = `${String(object['kind'])} ${String(metadata['namespace'])}/${name}`;
    const { managedFields, ownerReferences, ...rest } = metadata;
    for (const field of ['creationTimestamp', 'deletionTimestamp']) if (field in rest) rest[field] = 'a time';
    return {
      ...object,
      ...(object['kind'] === 'Service' && { spec: withoutAddresses(recordOf(object['spec'])) }),
      metadata: {
        ...rest,
        name,
        uid: this.#number('uid', key, rest['uid']),
        resourceVersion: this.#number('version', key, rest['resourceVersion']),
        ...(Array.isArray(ownerReferences) && { ownerReferences: ownerReferences.map((owner) => this.#owner(recordOf(owner))) }),
        ...(Array.isArray(managedFields) && { managedFields: managedFields.map((entry) => this.#entry(entry)).sort() }),
      },
    };
  }

  #owner(owner: Json): Json {
    const uid = String(owner['uid']);
    return { ...owner, uid: this.#numbers.get(`uid ${uid}`) ?? 'nobody' };
  }

  /** A manager and its fields, without the time. Owner references are told apart by UIDs there, too. */
  #entry(value: unknown): string {
    const { manager, operation, subresource = '', fieldsV1 } = recordOf(value);
    const fields: unknown = JSON.parse(this.withoutUids(JSON.stringify(fieldsV1)));
    return `${String(manager)} ${String(operation)} ${String(subresource)}: ${JSON.stringify(sorted(fields))}`;
  }

  #number(what: string, key: string, value: unknown): string {
    const id = what === 'uid' ? `uid ${String(value)}` : `${what} ${key} ${String(value)}`;
    const known = this.#numbers.get(id);
    if (known !== undefined) return known;
    const count = (this.#counts.get(`${what} ${key}`) ?? 0) + 1;
    this.#counts.set(`${what} ${key}`, count);
    const name = `${what} ${count} of ${key}`;
    this.#numbers.set(id, name);
    return name;
  }
}

/** Which the model does not give out. */
function withoutAddresses({ clusterIP, clusterIPs, ...spec }: Json): Json {
  return clusterIP === 'None' ? { ...spec, clusterIP, clusterIPs } : spec;
}

const uuid = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;
const withoutSuffix = (name: unknown): string => String(name).replace(/-[a-z0-9]{5}$/, '-…');

function sorted(value: unknown): unknown {
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}
