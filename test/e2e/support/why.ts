/** What a failed wait tells of a tenant: where nobody can look any more, the message of the error is all there is. */
import { z } from 'zod';
import type { AnyObject, Kubectl } from './kubectl.ts';

const containers = z.object({
  status: z.object({
    phase: z.string(),
    containerStatuses: z.array(z.object({ restartCount: z.int(), state: z.record(z.string(), z.unknown()) })).default([]),
  }),
});

const notTrue = ({ status }: AnyObject): string[] =>
  (status?.conditions ?? []).filter((one) => one.status !== 'True').map(({ type, reason, message }) => `${type} ${reason}: ${message}`);

function told(pod: AnyObject): string {
  const { phase, containerStatuses } = containers.parse(pod).status;
  const states = containerStatuses.map(({ restartCount, state }) => `${JSON.stringify(state)} after ${restartCount} restarts`);
  return [`pod ${pod.metadata.name} ${phase}`, ...states, ...notTrue(pod)].join(', ');
}

const event = z.object({ reason: z.string(), message: z.string(), count: z.int().nullish() });

/** Conditions that are not True of the agents in the namespace and of their pods, and what was last warned of there. */
export async function whyNotReady(kubectl: Kubectl, namespace: string): Promise<string> {
  const listed = (resource: string, ...args: string[]) => kubectl.list(resource, ['-n', namespace, ...args]);
  const [agents, pods, events] = await Promise.all([
    listed('agentconfig'),
    listed('pod'),
    listed('events', '--sort-by=.metadata.creationTimestamp', '--field-selector=type=Warning'),
  ]);
  const warned = events.slice(-4).map((one) => event.parse(one));
  return [
    ...agents.map((agent) => `agent ${agent.metadata.name}, ${notTrue(agent).join(', ')}`),
    ...pods.map(told),
    ...warned.map(({ reason, message, count }) => `${reason}, ${count ?? 1} times: ${message.slice(0, 200)}`),
  ].join('; ');
}
