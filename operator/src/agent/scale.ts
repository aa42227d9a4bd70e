import { z } from 'zod';
import type { AgentPlan } from './plan.ts';

type Scaled = Pick<AgentPlan, 'spec' | 'suspended'>;

/** A range of one is no range: then a plain number does. A suspended agent is not scaled but stopped. */
export const isAutoscaled = ({ spec: { scaling }, suspended }: Scaled): boolean =>
  scaling !== undefined && scaling.max > scaling.min && !suspended;

const withoutPods = z.object({ replicas: z.literal(0) });

/** Of a spec as it was written, of which nothing else need be valid. */
export const isScaledToZero = (spec: unknown): boolean => withoutPods.safeParse(spec).success;

/** How many pods there are at least. */
export function replicasOf({ spec, suspended }: Scaled): number {
  if (suspended) return 0;
  return spec.scaling?.min ?? spec.replicas ?? 1;
}
