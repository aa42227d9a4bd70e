/**
 * A set of fields of an object, in the spelling of FieldsV1: `f:name` for a field, `k:{"name":"x"}` for an item of a keyed list, `v:"x"` for
 * an item of a set.
 */
import type { Json } from '../objects/json.ts';
import { isRecord } from '../objects/json.ts';

export type Path = readonly string[];

const idOf = (path: Path): string => path.join('\n');

export class FieldSet {
  readonly #paths = new Map<string, Path>();

  constructor(paths: Iterable<Path> = []) {
    for (const path of paths) this.add(path);
  }

  static decode(fields: Json): FieldSet {
    const set = new FieldSet();
    const visit = (node: Json, path: Path): void => {
      const inner = Object.entries(node);
      if (inner.length === 0 && path.length > 0) set.add(path);
      for (const [element, child] of inner) {
        if (element === '.') set.add(path);
        else if (isRecord(child)) visit(child, [...path, element]);
      }
    };
    visit(fields, []);
    return set;
  }

  encode(): Json {
    const root: Json = {};
    for (const path of this.paths) {
      let node = root;
      for (const element of path) {
        const next = node[element];
        const inner: Json = isRecord(next) ? next : {};
        node[element] = inner;
        node = inner;
      }
      node['.'] = {};
    }
    return leaves(root);
  }

  get paths(): Path[] {
    return [...this.#paths.values()];
  }

  get size(): number {
    return this.#paths.size;
  }

  add(path: Path): void {
    this.#paths.set(idOf(path), path);
  }

  has(path: Path): boolean {
    return this.#paths.has(idOf(path));
  }

  union(other: FieldSet): FieldSet {
    return new FieldSet([...this.paths, ...other.paths]);
  }

  without(other: FieldSet): FieldSet {
    return new FieldSet(this.paths.filter((path) => !other.has(path)));
  }

  intersect(other: FieldSet): FieldSet {
    return new FieldSet(this.paths.filter((path) => other.has(path)));
  }

  filter(keep: (path: Path) => boolean): FieldSet {
    return new FieldSet(this.paths.filter(keep));
  }
}

/** A field without inner fields is written `{}`, one with inner fields `{".": {}, …}`. */
function leaves(node: Json): Json {
  const inner = Object.entries(node).flatMap(([element, child]) =>
    isRecord(child) && element !== '.' ? [[element, leaves(child)] as const] : [],
  );
  if (inner.length === 0) return {};
  const sorted = Object.fromEntries(inner.sort(([a], [b]) => (a < b ? -1 : 1)));
  return '.' in node ? { '.': {}, ...sorted } : sorted;
}

/** As a person reads it, and as the causes of a conflict name it: `.spec.containers[name="main"].image`. */
export const shown = (path: Path): string =>
  path
    .map((element) => {
      if (element.startsWith('f:')) return `.${element.slice(2)}`;
      if (element.startsWith('v:')) return `[=${element.slice(2)}]`;
      const keys = Object.entries(recordFrom(element.slice(2)));
      return `[${keys.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(',')}]`;
    })
    .join('');

function recordFrom(text: string): Json {
  const value: unknown = JSON.parse(text);
  return isRecord(value) ? value : {};
}
