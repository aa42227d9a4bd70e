/** `status.conditions` as Kubernetes has them everywhere, and as kstatus, Argo CD and Flux read them. */
import type { Condition } from 'kube-runtime';
import { z } from 'zod';
import { listMap } from './fields.ts';

const condition: z.ZodType<Condition> = z.object({
  type: z.string().max(316).describe('What is judged, for example Ready.'),
  status: z.enum(['True', 'False', 'Unknown']).describe('The judgement. Unknown: not looked at yet; the message says what comes first.'),
  reason: z.string().max(1024).describe('Why, in one word for programs.'),
  message: z.string().max(32768).describe('Why, for people: the field, its value and what to do.'),
  observedGeneration: z
    .int()
    .min(0)
    .describe('Generation of the spec that was judged. An earlier one than that of the status: not looked at since.'),
  lastTransitionTime: z.string().meta({ format: 'date-time' }).describe('When status last changed.'),
});

export const conditions = z
  .array(condition)
  .max(32)
  .meta(listMap('type'))
  .describe('Ready, Reconciling and Stalled sum up (kstatus); the others say which part is meant.')
  .optional();

/** Below every generation, so that an object that nobody has judged yet counts as in progress for kstatus, not as done. */
export const unobserved = -1;

/** False until the operator has told of the object once. */
export const isJudged = ({ status }: { readonly status?: { readonly observedGeneration?: number | undefined } }): boolean =>
  (status?.observedGeneration ?? unobserved) > unobserved;

export const observedGeneration = z
  .int()
  .min(unobserved)
  .describe('Generation of the spec that this status is about; -1 until the operator has looked at it.')
  .optional();
