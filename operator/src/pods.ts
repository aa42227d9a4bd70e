/** Of a pod, which is large, the operator looks at little, and a cache of thousands need keep no more: what tells of its rollout and of its credentials. */
import { annotations } from '@cloister/tenancy';
import { kind, type BaseObject } from 'kube-runtime';

export interface Pod extends BaseObject {
  readonly spec?: { readonly volumes?: readonly { readonly configMap?: { readonly name?: string } }[] };
  readonly status?: {
    readonly phase?: string;
    readonly conditions?: readonly PodCondition[];
    readonly containerStatuses?: readonly ContainerStatus[];
  };
}

interface PodCondition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

export interface ContainerStatus {
  readonly state?: { readonly waiting?: { readonly reason?: string; readonly message?: string } };
  readonly lastState?: { readonly terminated?: { readonly reason?: string; readonly exitCode?: number } };
}

const whole = kind<Pod>('v1', 'Pod');

/** Never applied, only read and deleted: what is left out here would seem to differ. */
export const pods = kind<Pod>('v1', 'Pod', { parse: (raw) => essenceOf(whole.accept(raw)) });

function essenceOf({ metadata, spec, status }: Pod): Pod {
  const { annotations: noted, ...named } = metadata;
  const credentials = noted?.[annotations.credentials];
  return {
    apiVersion: whole.apiVersion,
    kind: whole.kind,
    metadata: { ...named, ...(credentials !== undefined && { annotations: { [annotations.credentials]: credentials } }) },
    ...(spec?.volumes && { spec: { volumes: spec.volumes.flatMap(documentIn) } }),
    ...(status && { status: statusOf(status) }),
  };
}

const documentIn = ({ configMap }: { readonly configMap?: { readonly name?: string } }) =>
  configMap?.name === undefined ? [] : [{ configMap: { name: configMap.name } }];

const statusOf = ({ phase, conditions, containerStatuses }: NonNullable<Pod['status']>): NonNullable<Pod['status']> => ({
  ...(phase !== undefined && { phase }),
  ...(conditions && { conditions: conditions.map(conditionOf) }),
  ...(containerStatuses && { containerStatuses: containerStatuses.map(stateOf) }),
});

const conditionOf = ({ type, status, reason, message }: PodCondition): PodCondition => ({
  type,
  status,
  ...(reason !== undefined && { reason }),
  ...(message !== undefined && { message }),
});

const stateOf = ({ state, lastState }: ContainerStatus): ContainerStatus => ({ ...(state && { state }), ...(lastState && { lastState }) });
