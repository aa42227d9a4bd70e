/** An informer whose server is the test, and lights to hold in it. */
import type { CacheScope } from '../cluster/cluster.ts';
import { AttentiveWire } from '../cluster/outage.ts';
import { kind, type Kind } from '../kind.ts';
import { silentLogger } from '../logger.ts';
import type { BaseObject } from '../resource.ts';
import type { Change } from './informer.ts';
import { SharedInformer } from './shared-informer.ts';
import { informerTimings } from './timings.ts';

export interface Light extends BaseObject {
  readonly status?: { readonly on: boolean };
}

export const at = (resourceVersion: string, on: boolean, uid = 'u1'): Light => ({
  apiVersion: 'example.dev/v1',
  kind: 'Light',
  metadata: { name: 'a', uid, resourceVersion },
  status: { on },
});

export const lights = kind<Light>('example.dev/v1', 'Light', { namespaced: false });

/** Never started: the test plays the server. */
export function idle(of: Kind<Light> = lights, scope: CacheScope = {}): SharedInformer<Light> {
  const neverAsked = { send: () => Promise.reject(new Error('not asked')), stream: () => Promise.reject(new Error('not asked')) };
  return new SharedInformer<Light>({
    wire: new AttentiveWire(neverAsked, informerTimings),
    kind: of,
    scope,
    timings: informerTimings,
    log: silentLogger,
    onFault: () => undefined,
  });
}

export function informerOf(listed: readonly Light[], scope: CacheScope = {}) {
  const informer = idle(lights, scope);
  informer.replace(
    listed.map((one) => informer.take(one)),
    '5',
  );
  const changes: Change<Light>[] = [];
  informer.onChange((change) => changes.push(change));
  changes.length = 0;
  return { informer, changes };
}

/** What was told: how, and whether the light was on before and is now. */
export const seen = (changes: readonly Change<Light>[]) =>
  changes.map(({ type, object, previous }) => [type, previous?.status?.on, object.status?.on]);
