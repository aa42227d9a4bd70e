import { KubeError, type ApiRequest } from 'kube-runtime';
import { isObject, type StoredObject } from '../objects/object.ts';
import { recordOf, textOf } from '../objects/json.ts';
import { kindsByName, pathFor, type KindName } from './kinds.fixture.ts';
import { Normaliser } from './normalise.ts';
import type { Operation } from './operation.ts';
import { pathOfSpace, pathOfTarget, requestOf, type Known, type ListSeen } from './request.ts';

type Send = (request: ApiRequest) => Promise<unknown>;

/** What a client sees of one operation: the answer or the refusal, and the object afterwards. */
export interface Seen {
  readonly answer: unknown;
  readonly afterwards: unknown;
}

/** One of the two servers, with what it has shown in this sequence. */
export class Side implements Known {
  readonly spaces: readonly [string, string];
  readonly normaliser = new Normaliser();
  readonly lists: ListSeen[] = [];
  readonly #send: Send;
  readonly #states = new Map<string, StoredObject[]>();

  constructor(send: Send, spaces: readonly [string, string]) {
    this.#send = send;
    this.spaces = spaces;
  }

  states = (path: string): readonly StoredObject[] => this.#states.get(path) ?? [];

  async run(operation: Operation): Promise<Seen> {
    return { answer: await this.#try(requestOf(this, operation)), afterwards: await this.#look(operation) };
  }

  /** Every object of these kinds that is left, in the order of versions. */
  async everything(kinds: Iterable<KindName>): Promise<unknown> {
    const lists = [...kinds].flatMap((kind) => this.spaces.map((space) => this.#list(kind, space)));
    const found = (await Promise.all(lists)).flat();
    found.sort((a, b) => Number(a.metadata.resourceVersion) - Number(b.metadata.resourceVersion));
    return found.map((object) => this.normaliser.normalise(object));
  }

  async #list(kind: KindName, space: string): Promise<StoredObject[]> {
    const of = kindsByName[kind];
    const { items } = recordOf(await this.#send({ path: pathFor(of, space) }));
    const objects = (Array.isArray(items) ? items : []).map((item): unknown => ({ ...recordOf(item), apiVersion: of.apiVersion, kind }));
    return objects.filter(isObject);
  }

  async #look(operation: Operation): Promise<unknown> {
    if (operation.type === 'list' || (operation.type === 'scale' && operation.how === 'get')) return undefined;
    if (operation.type === 'create' && operation.generated) return undefined;
    return this.#try({ path: operation.type === 'space' ? pathOfSpace(this) : pathOfTarget(this, operation.target) });
  }

  /** Answers to a deletion are a Status or the object, by kind: nobody looks at them. */
  async #try(request: ApiRequest): Promise<unknown> {
    try {
      const answer = await this.#send(request);
      this.#note(request.path.replace(/\/(status|scale|finalize)$/, ''), request.method ?? 'GET', answer);
      return request.method === 'DELETE' ? 'done' : this.normaliser.normalise(answer);
    } catch (error) {
      if (!(error instanceof KubeError)) throw error;
      const causes = error.causes.filter(({ reason }) => reason === 'FieldManagerConflict' || reason === 'NamespaceTerminating');
      return {
        refused: error.status,
        reason: error.reason,
        ...(causes.length > 0 && { causes: causes.map(({ field }) => this.normaliser.withoutUids(field)).sort() }),
      };
    }
  }

  #note(path: string, method: string, answer: unknown): void {
    const { items, metadata } = recordOf(answer);
    const { resourceVersion, continue: token } = recordOf(metadata);
    if (Array.isArray(items)) this.lists.push({ path, version: String(resourceVersion), token: textOf(token) || undefined });
    if (!isObject(answer) || answer.kind === 'Scale' || method === 'DELETE' || method === 'POST') return;
    const states = this.#states.get(path) ?? [];
    if (states.at(-1)?.metadata.resourceVersion !== answer.metadata.resourceVersion) states.push(answer);
    this.#states.set(path, states);
  }
}
