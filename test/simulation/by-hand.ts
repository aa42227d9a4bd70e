/** What people do to the children of a tenant and its agents with kubectl. */
import { namespaces } from '@cloister/tenancy';
import type { BaseObject, Kind } from 'kube-runtime';
import * as kinds from '../../operator/src/kinds.ts';
import { acme, established, namespace } from './acme.ts';
import type { Workload } from './workloads.ts';
import type { World } from './world.ts';

/** One of each kind that is looked at by its labels alone. */
const labelled = (world: World): (readonly [kind: Kind<BaseObject>, name: string, namespace: string])[] => [
  [kinds.limitRanges, 'tenant', namespace],
  [kinds.resourceQuotas, 'tenant', namespace],
  [kinds.serviceAccounts, 'agent', namespace],
  [kinds.networkPolicies, 'default-deny', namespace],
  [kinds.roles, 'cloister-owner', namespace],
  [kinds.roleBindings, 'cloister-owner', namespace],
  [kinds.deployments, 'support', namespace],
  [kinds.horizontalPodAutoscalers, 'support', namespace],
  [kinds.podDisruptionBudgets, 'support', namespace],
  ...world.server
    .objects()
    .filter(({ kind, metadata }) => kind === 'ControllerRevision' && metadata.name.startsWith('starter-'))
    .map(({ metadata }) => [kinds.controllerRevisions, metadata.name, namespaces.system] as const),
];

export const byHand: readonly Workload[] = [
  {
    name: 'children are edited by hand',
    before: established,
    acts: [
      async ({ person }) => {
        await person.edit(kinds.resourceQuotas, { name: 'tenant', namespace }, { spec: { hard: { pods: '999' } } });
        await person.edit(kinds.networkPolicies, { name: 'default-deny', namespace }, { spec: { policyTypes: ['Ingress'] } });
        await person.edit(kinds.deployments, { name: 'support', namespace }, { spec: { revisionHistoryLimit: 9, minReadySeconds: 3 } });
        await person.edit(
          kinds.namespaceKind,
          { name: namespace },
          { metadata: { labels: { 'pod-security.kubernetes.io/enforce': 'baseline' } } },
        );
        await person.edit(kinds.roles, { name: 'cloister-owner', namespace }, { rules: [] });
      },
    ],
  },
  {
    name: 'children are deleted by hand',
    before: established,
    acts: [
      async ({ person }) => {
        for (const [kind, name] of [
          [kinds.networkPolicies, 'default-deny'],
          [kinds.serviceAccounts, 'agent'],
          [kinds.roleBindings, 'cloister-owner'],
          [kinds.deployments, 'support'],
          [kinds.services, 'sales'],
          [kinds.podDisruptionBudgets, 'sales'],
        ] as const)
          await person.remove(kind, { name, namespace });
        await person.remove(kinds.configMaps, { name: 'tenant-acme', namespace: 'cloister-system' });
        await person.remove(kinds.ingresses, { name: 'tenant-acme', namespace: 'cloister-system' });
        await person.remove(kinds.secrets, { name: 'tenant-acme', namespace: 'cloister-access' });
      },
    ],
  },
  {
    name: 'children lose the labels by which they are seen',
    before: [acme, ({ person }) => person.agent('acme', 'support', { scaling: { min: 2, max: 3 } })],
    acts: [
      async ({ person, world }) => {
        for (const [kind, name, place] of labelled(world))
          await person.edit(kind, { name, namespace: place }, { metadata: { labels: null } });
      },
    ],
  },
];
