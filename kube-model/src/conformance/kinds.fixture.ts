/** The kinds that are compared: those that operators use most, and a custom one with every way in which lists and maps are merged. */
import { kind, pathOf, type BaseObject, type Kind } from 'kube-runtime';
import type { StoredObject } from '../objects/object.ts';
import { at, isRecord } from '../objects/json.ts';
import { required, wrong, type FieldError } from '../rules/field-error.ts';
import { customKind } from '../rules/served-kind.ts';

export const widgets = kind('kube-model.test/v1', 'Widget', { listKeys: { 'spec.parts': ['id'] } });
export const namespaces = kind('v1', 'Namespace');

export const kindsByName = {
  ConfigMap: kind('v1', 'ConfigMap'),
  Secret: kind('v1', 'Secret'),
  Deployment: kind('apps/v1', 'Deployment'),
  Service: kind('v1', 'Service'),
  ResourceQuota: kind('v1', 'ResourceQuota'),
  Lease: kind('coordination.k8s.io/v1', 'Lease'),
  Widget: widgets,
  ServiceAccount: kind('v1', 'ServiceAccount'),
  LimitRange: kind('v1', 'LimitRange'),
  Role: kind('rbac.authorization.k8s.io/v1', 'Role'),
  RoleBinding: kind('rbac.authorization.k8s.io/v1', 'RoleBinding'),
  NetworkPolicy: kind('networking.k8s.io/v1', 'NetworkPolicy'),
  Ingress: kind('networking.k8s.io/v1', 'Ingress'),
  PodDisruptionBudget: kind('policy/v1', 'PodDisruptionBudget'),
  HorizontalPodAutoscaler: kind('autoscaling/v2', 'HorizontalPodAutoscaler'),
  ControllerRevision: kind('apps/v1', 'ControllerRevision'),
} as const;
export type KindName = keyof typeof kindsByName;

const scale = { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas', labelSelectorPath: '.status.selector' };
const text = { type: 'string' };
const integer = { type: 'integer' };
const part = { type: 'object', required: ['id'], properties: { id: text, value: text, note: text } };
const schema = {
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      required: ['name'],
      properties: {
        name: text,
        replicas: integer,
        parts: { type: 'array', items: part, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['id'] },
        tags: { type: 'array', items: text, 'x-kubernetes-list-type': 'set' },
        order: { type: 'array', items: text, 'x-kubernetes-list-type': 'atomic' },
        settings: { type: 'object', additionalProperties: text },
        nested: { type: 'object', properties: { a: text, b: text } },
      },
    },
    status: { type: 'object', properties: { phase: text, replicas: integer, selector: text, count: integer } },
  },
};

/** The definition of the custom kind for the real server. */
export const widgetDefinition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.kube-model.test' },
  spec: {
    group: 'kube-model.test',
    scope: 'Namespaced',
    names: { kind: 'Widget', plural: 'widgets', singular: 'widget' },
    versions: [{ name: 'v1', served: true, storage: true, subresources: { status: {}, scale }, schema: { openAPIV3Schema: schema } }],
  },
};

/** The same for the model. */
export const servedWidgets = customKind(widgets, { scale, maps: ['spec.settings'], sets: ['spec.tags'], validate: checkWidget });

function checkWidget(object: StoredObject): FieldError[] {
  const name = at(object, ['spec', 'name']);
  if (object['spec'] !== undefined && !isRecord(object['spec'])) return [wrong('spec', 'must be of type object')];
  if (object['spec'] === undefined || typeof name === 'string') return [];
  return [name === undefined ? required('spec.name') : wrong('spec.name', 'must be of type string')];
}

export const pathFor = (of: Kind<BaseObject>, namespace: string | undefined, name?: string, subresource?: string): string =>
  pathOf(of, { ...(namespace !== undefined && { namespace }), ...(name !== undefined && { name }) }, subresource);
