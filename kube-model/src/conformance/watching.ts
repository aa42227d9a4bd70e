import type { BaseObject, Cluster } from 'kube-runtime';
import { kindsByName, namespaces } from './kinds.fixture.ts';

/** Notes every event of the compared kinds, by kind and namespace, from now on. */
export class Watching {
  readonly #events = new Map<string, string[]>();
  readonly #ending = new AbortController();
  readonly #ends: Promise<void>[] = [];

  async start(cluster: Cluster): Promise<void> {
    for (const kind of [...Object.values(kindsByName), namespaces]) {
      const { signal } = this.#ending;
      const path =
        kind === namespaces ? '/api/v1/namespaces' : `${kind.apiVersion === 'v1' ? '/api' : '/apis'}/${kind.apiVersion}/${kind.plural}`;
      const resourceVersion = versionOf(await cluster.request({ path, query: { limit: 1 } }));
      const events = cluster.watch(kind, {}, { resourceVersion, signal });
      this.#ends.push(this.#follow(kind.kind, events));
    }
  }

  /** In the order of each kind; kinds come by different streams. */
  of(spaces: readonly string[]): Record<string, readonly string[]> {
    const kinds = [...Object.keys(kindsByName), 'Namespace'];
    return Object.fromEntries(
      spaces.flatMap((space) => kinds.map((kind) => [`${kind} ${space}`, this.#events.get(`${kind} ${space}`) ?? []])),
    );
  }

  async stop(): Promise<void> {
    this.#ending.abort();
    await Promise.all(this.#ends);
  }

  async #follow(kind: string, events: AsyncIterable<{ readonly type: string; readonly object: BaseObject }>): Promise<void> {
    try {
      for await (const { type, object } of events) if (type !== 'BOOKMARK') this.#note(kind, type, object);
    } catch (error) {
      if (!this.#ending.signal.aborted) throw error;
    }
  }

  #note(kind: string, type: string, { metadata }: BaseObject): void {
    const { name, namespace = name, generateName, generation, deletionTimestamp, finalizers = [] } = metadata;
    const shown = generateName ?? (kind === 'Namespace' ? '' : name);
    const state = [generation, deletionTimestamp && 'going', ...finalizers].filter((part) => part !== undefined).join(' ');
    const key = `${kind} ${namespace}`;
    this.#events.set(key, [...(this.#events.get(key) ?? []), `${type} ${shown} ${state}`]);
  }
}

function versionOf(list: unknown): string {
  if (typeof list !== 'object' || list === null || !('metadata' in list)) throw new Error('expected a list');
  const { metadata } = list;
  if (typeof metadata !== 'object' || metadata === null || !('resourceVersion' in metadata))
    throw new Error('expected a version of the list');
  return String(metadata.resourceVersion);
}
