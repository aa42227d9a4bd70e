import { isRecord } from '../objects/json.ts';
import type { ServedKind } from '../rules/served-kind.ts';
import { FieldSet, type Path } from './field-set.ts';
import { isNamedField, schemaPath, shapeOf } from './shape.ts';

/** The fields that whoever applies this configuration owns. */
export function fieldsOf(served: ServedKind, value: unknown): FieldSet {
  const set = new FieldSet();
  const visit = (inner: unknown, path: Path): void => {
    const shape = shapeOf(served, schemaPath(path), inner);
    if (shape.type === 'record' && isRecord(inner)) {
      for (const [field, child] of Object.entries(inner)) {
        const childPath = [...path, `f:${field}`];
        if (!shape.named || isEmptyRecord(child)) set.add(childPath);
        visit(child, childPath);
      }
    } else if (shape.type === 'list' && Array.isArray(inner)) {
      for (const item of inner) {
        const itemPath = [...path, shape.element(item)];
        set.add(itemPath);
        visit(item, itemPath);
      }
    } else set.add(path);
  };
  visit(value, []);
  return set;
}

const isEmptyRecord = (value: unknown): boolean => value === null || (isRecord(value) && Object.keys(value).length === 0);

/** With the records around the fields, as far as the schema names them: who owns `spec.a.b` also holds on to `spec.a`. */
export function withNamedParents(served: ServedKind, set: FieldSet): FieldSet {
  const all = new FieldSet(set.paths);
  for (const path of set.paths)
    for (let length = 1; length < path.length; length++) {
      const parent = path.slice(0, length);
      if (isNamedField(served, parent)) all.add(parent);
    }
  return all;
}
