import { kind } from 'kube-runtime';
import { at, isRecord, recordOf, textOf, type Json } from '../objects/json.ts';
import type { StoredObject } from '../objects/object.ts';
import { withoutNothing } from './decoded.ts';
import { notAllowed, required, wrong, type FieldError } from './field-error.ts';
import { amountOf, canonical } from './quantity.ts';
import type { ServedKind } from './served-kind.ts';

/** Of metrics, those of resources of pods alone. */
export const horizontalPodAutoscaler: ServedKind = {
  kind: kind('autoscaling/v2', 'HorizontalPodAutoscaler'),
  status: true,
  unconditionalUpdate: true,
  bare: { spec: { scaleTargetRef: { kind: '', name: '' }, maxReplicas: 0 }, status: { desiredReplicas: 0, currentMetrics: null } },
  defaults(draft) {
    const { scaleTargetRef, behavior, metrics, ...rest } = recordOf(draft['spec']);
    draft['spec'] = {
      maxReplicas: 0,
      minReplicas: 1,
      ...withoutNothing(rest),
      scaleTargetRef: { kind: '', name: '', ...recordOf(scaleTargetRef) },
      metrics: Array.isArray(metrics) && metrics.length > 0 ? metrics.map((metric) => withAmounts(recordOf(metric))) : [halfLoad],
      ...(isRecord(behavior) && { behavior: behaviorOf(behavior) }),
    };
    const { currentReplicas, currentMetrics = null, ...status } = recordOf(draft['status']);
    draft['status'] = {
      desiredReplicas: 0,
      ...withoutNothing(status),
      currentMetrics,
      ...(currentReplicas !== 0 && currentReplicas !== undefined && { currentReplicas }),
    };
  },
  /** A list of no metrics becomes none in the store. */
  stored(draft) {
    const status = recordOf(draft['status']);
    if (itemsOf(status['currentMetrics']).length === 0) draft['status'] = { ...status, currentMetrics: null };
  },
  validate: (object, old) => [
    ...checkReplicas(object),
    ...checkTarget(object, old),
    ...itemsOf(at(object, ['spec', 'metrics'])).flatMap((metric, index) => checkMetric(metric, `spec.metrics[${index}]`)),
    ...(['scaleUp', 'scaleDown'] as const).flatMap((way) => checkRules(at(object, ['spec', 'behavior', way]), `spec.behavior.${way}`)),
    ...(['currentReplicas', 'desiredReplicas'] as const).flatMap((field) =>
      Number(at(object, ['status', field]) ?? 0) < 0 ? [wrong(`status.${field}`, 'must be greater than or equal to 0')] : [],
    ),
  ],
};

const itemsOf = (list: unknown): Json[] => (Array.isArray(list) ? list.map(recordOf) : []);

const halfLoad = { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } };

function withAmounts(metric: Json): Json {
  const resource = recordOf(metric['resource']);
  const target = recordOf(resource['target']);
  const { averageValue } = target;
  if (averageValue === undefined) return metric;
  return { ...metric, resource: { ...resource, target: { ...target, averageValue: canonical(averageValue) } } };
}

const inPercent = { type: 'Percent', value: 100, periodSeconds: 15 };
const upward = { stabilizationWindowSeconds: 0, selectPolicy: 'Max', policies: [{ type: 'Pods', value: 4, periodSeconds: 15 }, inPercent] };
const downward = { selectPolicy: 'Max', policies: [inPercent] };

/** Who says something of one way is told both. */
const behaviorOf = ({ scaleUp, scaleDown }: Json): Json => ({
  scaleUp: { ...upward, ...withoutNulls(scaleUp) },
  scaleDown: { ...downward, ...withoutNulls(scaleDown) },
});

const withoutNulls = (record: unknown): Json => Object.fromEntries(Object.entries(recordOf(record)).filter(([, value]) => value !== null));

function checkReplicas(object: StoredObject): FieldError[] {
  const [fewest, most] = [Number(at(object, ['spec', 'minReplicas'])), Number(at(object, ['spec', 'maxReplicas']))];
  return [
    ...(fewest < 1 ? [wrong('spec.minReplicas', 'must be greater than or equal to 1')] : []),
    ...(most < 1 ? [required('spec.maxReplicas', 'must be set and greater than 0')] : []),
    ...(most < fewest ? [wrong('spec.maxReplicas', 'must be greater than or equal to `minReplicas`')] : []),
  ];
}

/** A target of no group is refused, unless it was one before. */
function checkTarget(object: StoredObject, old: StoredObject | undefined): FieldError[] {
  const field = 'spec.scaleTargetRef';
  const { kind, name, apiVersion } = recordOf(at(object, ['spec', 'scaleTargetRef']));
  const before = recordOf(at(old, ['spec', 'scaleTargetRef']));
  const isOld = old !== undefined && before['apiVersion'] === apiVersion && before['kind'] === kind;
  return [
    ...(kind ? [] : [required(`${field}.kind`)]),
    ...(name ? [] : [required(`${field}.name`)]),
    ...(isOld || kind === 'ReplicationController' || textOf(apiVersion)?.includes('/')
      ? []
      : [wrong(`${field}.apiVersion`, 'apiVersion must specify API group')]),
  ];
}

function checkMetric({ type, resource }: Json, field: string): FieldError[] {
  if (type !== 'Resource') return [wrong(`${field}.type`, 'the model knows metrics of resources alone')];
  const { name, target } = recordOf(resource);
  const isNamed = name ? [] : [required(`${field}.resource.name`, 'must specify a resource name')];
  return [...isNamed, ...checkMeasure(recordOf(target), `${field}.resource.target`)];
}

function checkMeasure({ type, averageValue, averageUtilization }: Json, field: string): FieldError[] {
  const isTyped = type === 'Utilization' || type === 'Value' || type === 'AverageValue';
  const untyped = isTyped ? [] : [wrong(`${field}.type`, 'must be either Utilization, Value, or AverageValue')];
  if ((averageValue === undefined) === (averageUtilization === undefined))
    return [...untyped, notAllowed(field, 'must set either a raw value or a utilization')];
  const isPositive = averageValue === undefined ? Number(averageUtilization) >= 1 : amountOf(averageValue) > 0;
  return isPositive ? untyped : [...untyped, wrong(field, 'must be positive')];
}

function checkRules(rules: unknown, field: string): FieldError[] {
  const { stabilizationWindowSeconds = 0, selectPolicy = 'Max', policies } = recordOf(rules);
  if (rules === undefined) return [];
  const seconds = Number(stabilizationWindowSeconds);
  return [
    ...(seconds < 0 || seconds > 3600 ? [wrong(`${field}.stabilizationWindowSeconds`, 'must be from 0 to 3600')] : []),
    ...(['Max', 'Min', 'Disabled'].includes(textOf(selectPolicy) ?? '') ? [] : [wrong(`${field}.selectPolicy`, 'is no way to select')]),
    ...(itemsOf(policies).length === 0 ? [required(`${field}.policies`, 'must specify at least one Policy')] : []),
    ...itemsOf(policies).flatMap(({ value, periodSeconds }, index) =>
      Number(value) > 0 && Number(periodSeconds) > 0 && Number(periodSeconds) <= 1800
        ? []
        : [wrong(`${field}.policies[${index}]`, 'is out of bounds')],
    ),
  ];
}
