/** Several agents that share the chat completions for one name, so that a new revision of an agent gets a part of them first. */
import { z } from 'zod';

/** 1 is a millionth of the largest: whatever share somebody wants can be written. */
export const largestWeight = 1_000_000;

export const trafficSplit = z.object({
  /** What callers say as `model`. An agent of that name keeps what names it by path or query. */
  name: z.string(),
  /** Shares are weight ÷ sum of the weights. None for 0. An agent that is not there has none either. */
  agents: z.array(z.object({ name: z.string(), weight: z.int().min(0).max(largestWeight) })),
});
export type TrafficSplit = z.infer<typeof trafficSplit>;
