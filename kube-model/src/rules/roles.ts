/** Roles, and who has them. */
import { kind } from 'kube-runtime';
import { equal, recordOf, textOf, type Json } from '../objects/json.ts';
import { withoutNothing } from './decoded.ts';
import { required, wrong, type FieldError } from './field-error.ts';
import type { ServedKind } from './served-kind.ts';

const group = 'rbac.authorization.k8s.io';

const itemsOf = (list: unknown): Json[] => (Array.isArray(list) ? list.map(recordOf) : []);
const unsupported = (field: string, message: string): FieldError => ({ field, reason: 'FieldValueNotSupported', message });

/** A Role without rules says so: `rules: null`. A list of none becomes that in the store. */
export const role: ServedKind = {
  kind: kind(`${group}/v1`, 'Role'),
  unconditionalUpdate: true,
  createOnUpdate: true,
  bare: { rules: null },
  defaults(draft) {
    draft['rules'] = Array.isArray(draft['rules'])
      ? draft['rules'].map((rule: unknown) => ({ verbs: null, ...withoutNothing(recordOf(rule)) }))
      : null;
  },
  stored(draft) {
    if (itemsOf(draft['rules']).length === 0) draft['rules'] = null;
  },
  validate: ({ rules }) => itemsOf(rules).flatMap((rule, index) => checkRule(rule, `rules[${index}]`)),
};

function checkRule({ verbs, apiGroups, resources, nonResourceURLs }: Json, field: string): FieldError[] {
  return [
    ...(verbs === null ? [required(`${field}.verbs`, 'verbs must contain at least one value')] : []),
    ...(nonResourceURLs === undefined ? [] : [wrong(`${field}.nonResourceURLs`, 'namespaced rules cannot apply to non-resource URLs')]),
    ...(apiGroups === undefined ? [required(`${field}.apiGroups`, 'resource rules must supply at least one api group')] : []),
    ...(resources === undefined ? [required(`${field}.resources`, 'resource rules must supply at least one resource')] : []),
  ];
}

export const roleBinding: ServedKind = {
  kind: kind(`${group}/v1`, 'RoleBinding'),
  unconditionalUpdate: true,
  createOnUpdate: true,
  bare: { roleRef: { apiGroup: '', kind: '', name: '' } },
  defaults(draft) {
    const { apiGroup, ...reference } = recordOf(draft['roleRef']);
    draft['roleRef'] = { kind: '', name: '', ...reference, apiGroup: textOf(apiGroup) || group };
    const subjects = itemsOf(draft['subjects']).map(subjectOf);
    if (subjects.length > 0) draft['subjects'] = subjects;
    else Reflect.deleteProperty(draft, 'subjects');
  },
  validate: ({ roleRef, subjects }, old) => [
    ...checkReference(recordOf(roleRef)),
    ...itemsOf(subjects).flatMap((subject, index) => checkSubject(subject, `subjects[${index}]`)),
    ...(old && !equal(roleRef, old['roleRef']) ? [wrong('roleRef', 'cannot change roleRef')] : []),
  ],
};

/** Users and groups are of the group of roles itself, accounts of none. */
function subjectOf({ apiGroup, namespace, ...subject }: Json): Json {
  const usual = subject['kind'] === 'User' || subject['kind'] === 'Group' ? group : undefined;
  const of = textOf(apiGroup) || usual;
  return { name: '', ...subject, ...(of !== undefined && { apiGroup: of }), ...(textOf(namespace) && { namespace }) };
}

const checkReference = ({ apiGroup, kind, name }: Json): FieldError[] => [
  ...(apiGroup === group ? [] : [unsupported('roleRef.apiGroup', `supported values: "${group}"`)]),
  ...(kind === 'Role' || kind === 'ClusterRole' ? [] : [unsupported('roleRef.kind', 'supported values: "Role", "ClusterRole"')]),
  ...(name ? [] : [required('roleRef.name')]),
];

function checkSubject({ kind, name, apiGroup }: Json, field: string): FieldError[] {
  const isNamed = name ? [] : [required(`${field}.name`)];
  if (kind !== 'User' && kind !== 'Group' && kind !== 'ServiceAccount')
    return [...isNamed, unsupported(`${field}.kind`, 'is no kind of subject')];
  const expected = kind === 'ServiceAccount' ? undefined : group;
  return apiGroup === expected ? isNamed : [...isNamed, unsupported(`${field}.apiGroup`, `supported values: "${expected ?? ''}"`)];
}
