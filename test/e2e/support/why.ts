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

/** Conditions that are not True of what is in the namespace, and its pods. */
export async function whyNotReady(kubectl: Kubectl, namespace: string): Promise<string> {
  const [agents, pods] = await Promise.all([kubectl.list('agentconfig', ['-n', namespace]), kubectl.list('pod', ['-n', namespace])]);
  return [...agents.map((agent) => `agent ${agent.metadata.name}, ${notTrue(agent).join(', ')}`), ...pods.map(told)].join('; ');
}
