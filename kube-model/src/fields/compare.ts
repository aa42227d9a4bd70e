import { equal, isRecord } from '../objects/json.ts';
import type { ServedKind } from '../rules/served-kind.ts';
import { FieldSet, type Path } from './field-set.ts';
import { schemaPath, shapeOf, type Shape } from './shape.ts';

export interface Comparison {
  readonly added: FieldSet;
  readonly modified: FieldSet;
  readonly removed: FieldSet;
}

/** Which fields are otherwise in `after` than in `before`. */
export function compare(served: ServedKind, before: unknown, after: unknown): Comparison {
  const [added, modified, removed] = [new FieldSet(), new FieldSet(), new FieldSet()];
  const visit = (old: unknown, fresh: unknown, path: Path): void => {
    if (equal(old, fresh)) return;
    if (old === undefined) added.add(path);
    if (fresh === undefined) removed.add(path);
    const parts = partsOf(served, path, old, fresh);
    if (parts) for (const [element, [oldPart, freshPart]] of parts) visit(oldPart, freshPart, [...path, element]);
    else if (old !== undefined && fresh !== undefined) modified.add(path);
  };
  visit(before, after, []);
  return { added, modified, removed };
}

/** What is compared by itself inside a value, or undefined when the value is compared as a whole. */
function partsOf(served: ServedKind, path: Path, old: unknown, fresh: unknown): Map<string, [unknown, unknown]> | undefined {
  const where = schemaPath(path);
  const shapes = [old, fresh].filter((value) => value !== undefined && value !== null).map((value) => shapeOf(served, where, value));
  if (shapes.length === 0 || shapes.some(({ type }) => type === 'leaf' || type !== shapes[0]?.type)) return undefined;
  const parts = new Map<string, [unknown, unknown]>();
  for (const [element, part] of elementsOf(shapes[0], old)) parts.set(element, [part, undefined]);
  for (const [element, part] of elementsOf(shapes.at(-1), fresh)) parts.set(element, [parts.get(element)?.[0], part]);
  return parts;
}

function elementsOf(shape: Shape | undefined, value: unknown): [string, unknown][] {
  if (shape?.type === 'list' && Array.isArray(value)) return itemsOf(value, shape.element);
  return isRecord(value) ? Object.entries(value).map(([field, part]) => [`f:${field}`, part]) : [];
}

/** An item that a set holds twice is another one than the same item held once. */
function itemsOf(list: readonly unknown[], elementOf: (item: unknown) => string): [string, unknown][] {
  const items = new Map<string, unknown>();
  for (const item of list) {
    const element = elementOf(item);
    items.set(element, items.has(element) ? [items.get(element), item] : item);
  }
  return [...items];
}
