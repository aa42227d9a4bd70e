import { kind } from 'kube-runtime';
import { at, equal, isRecord, recordOf, textOf, type Json } from '../objects/json.ts';
import { immutable, required, wrong, type FieldError } from './field-error.ts';
import type { ServedKind } from './served-kind.ts';
import type { StoredObject } from '../objects/object.ts';

export const deployment: ServedKind = {
  kind: kind('apps/v1', 'Deployment'),
  status: true,
  scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas', labelSelectorPath: '.spec.selector' },
  generation: 'spec and annotations',
  unconditionalUpdate: true,
  bare: { spec: { strategy: {}, template: { metadata: {}, spec: { containers: [] } } }, status: {} },
  defaults(draft) {
    const spec = recordOf(draft['spec']);
    const template = recordOf(spec['template']);
    draft['spec'] = {
      replicas: 1,
      revisionHistoryLimit: 10,
      progressDeadlineSeconds: 600,
      ...spec,
      strategy: strategyOf(recordOf(spec['strategy'])),
      template: { ...template, spec: podDefaults(recordOf(template['spec'])) },
    };
    draft['status'] ??= {};
  },
  validate: checkDeployment,
};

function strategyOf(given: Json): Json {
  const type = given['type'] ?? 'RollingUpdate';
  if (type !== 'RollingUpdate') return given;
  return { type, rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%', ...recordOf(given['rollingUpdate']) } };
}

function podDefaults(pod: Json): Json {
  const containers = Array.isArray(pod['containers']) ? pod['containers'].filter(isRecord) : [];
  return {
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: 30,
    dnsPolicy: 'ClusterFirst',
    securityContext: {},
    schedulerName: 'default-scheduler',
    ...pod,
    containers: containers.map((container) => ({
      resources: {},
      terminationMessagePath: '/dev/termination-log',
      terminationMessagePolicy: 'File',
      imagePullPolicy: /:(?!latest$)[^/]+$/.test(textOf(container['image']) ?? '') ? 'IfNotPresent' : 'Always',
      ...container,
      ...(Array.isArray(container['ports']) && {
        ports: container['ports'].map((port: unknown) => ({ protocol: 'TCP', ...recordOf(port) })),
      }),
    })),
  };
}

function checkDeployment(object: StoredObject, old: StoredObject | undefined): FieldError[] {
  const selector = at(object, ['spec', 'selector']);
  const wanted = Object.entries(recordOf(at(selector, ['matchLabels'])));
  const labels = recordOf(at(object, ['spec', 'template', 'metadata', 'labels']));
  const containers = at(object, ['spec', 'template', 'spec', 'containers']);
  const replicas = at(object, ['spec', 'replicas']);
  return [
    ...(selector === undefined ? [required('spec.selector')] : []),
    ...(wanted.some(([key, value]) => labels[key] !== value)
      ? [wrong('spec.template.metadata.labels', '`selector` does not match template `labels`')]
      : []),
    ...(Array.isArray(containers) && containers.length > 0 ? [] : [required('spec.template.spec.containers')]),
    ...(typeof replicas === 'number' && replicas < 0 ? [wrong('spec.replicas', 'must be greater than or equal to 0')] : []),
    ...(old && !equal(selector, at(old, ['spec', 'selector'])) ? [immutable('spec.selector')] : []),
  ];
}
