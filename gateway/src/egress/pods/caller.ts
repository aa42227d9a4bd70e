import type { TenantPolicy } from '@cloister/tenancy';
import type { IncomingHttpHeaders } from 'node:http';
import type { Policies } from '../../directory/directory.ts';
import { fail } from '../errors.ts';
import { podOf, tokenRejected } from './bearer.ts';
import type { VerifyPod } from './pod-token.ts';

export interface Caller {
  readonly policy: TenantPolicy;
  /** The name of the agent; empty where the tenant has none whose pod this may be. */
  readonly agent: string;
}

/**
 * The tenant and the agent whose pod calls. The tenant is that of the token's namespace, if it knows this very ServiceAccount; the UID is
 * compared beside the name, so a token outlives neither its account nor its tenant. The agent is told by the name of the pod, which its
 * Deployment gave it and the token holds: a pod cannot pass for that of a sister. Rejects with `token_invalid`.
 */
export async function callerOf(headers: IncomingHttpHeaders, verify: VerifyPod, policies: Policies): Promise<Caller> {
  const pod = await podOf(headers, verify);
  const policy = pod && policies.byNamespace(pod.namespace);
  if (!pod || !policy) throw tokenRejected();
  const expected = Object.hasOwn(policy.serviceAccounts, pod.serviceAccount.name) && policy.serviceAccounts[pod.serviceAccount.name];
  if (expected !== pod.serviceAccount.uid) throw tokenRejected();
  return { policy, agent: agentOfPod(pod.pod, policy) };
}

/** A Deployment's pods are named `<Deployment>-<template>-<random>`, and an agent's Deployment is named like it. */
function agentOfPod(pod: string | undefined, { agents }: TenantPolicy): string {
  const deployment = pod?.replace(/-[a-z0-9]+-[a-z0-9]+$/, '');
  return agents.find(({ name }) => name === deployment && name !== pod)?.name ?? '';
}

/** Throws `tenant_not_active`. */
export function requireActive({ tenant, state }: TenantPolicy): void {
  if (state !== 'Active') throw fail('tenant_not_active', { values: { tenant, state } });
}
