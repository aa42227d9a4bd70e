import { at } from '../objects/json.ts';
import type { StoredObject } from '../objects/object.ts';
import { label, on, type Step, type World } from './step.ts';

/** Nothing is ever under load here, so a Deployment comes to the fewest replicas of its HorizontalPodAutoscaler. One that is at zero is left alone. */
export function scaleToLoad(world: World): Step[] {
  return world.all
    .filter(({ served, object }) => served.kind.kind === 'HorizontalPodAutoscaler' && !object.metadata.deletionTimestamp)
    .flatMap(({ object: autoscaler }): Step[] => {
      const target = targetOf(world, autoscaler);
      const fewest = Number(at(autoscaler, ['spec', 'minReplicas']) ?? 1);
      const current = Number(at(target?.object, ['spec', 'replicas']) ?? 1);
      if (!target || current === 0 || current === fewest) return [];
      const body = { spec: { replicas: fewest } };
      const request = { method: 'PATCH', contentType: 'application/merge-patch+json', body } as const;
      const { served, object } = target;
      return [
        {
          name: `autoscaler: scale ${label(served, object)} to ${fewest}`,
          run: () => world.request(on(served.kind, object, request, 'scale')),
        },
      ];
    });
}

const targetOf = ({ all }: World, { metadata, spec }: StoredObject) =>
  all.find(
    ({ served, object }) =>
      served.scale !== undefined &&
      served.kind.kind === at(spec, ['scaleTargetRef', 'kind']) &&
      object.metadata.name === at(spec, ['scaleTargetRef', 'name']) &&
      object.metadata.namespace === metadata.namespace,
  );
