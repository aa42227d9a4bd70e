/** Pods that would be root, see the node or gain privileges, and such as take more than the quota has. Nothing but what is said is wrong with them. */
import { create, podSpec } from './attempts.ts';
import type { Attempt } from './api-server.ts';

const confined = { allowPrivilegeEscalation: false, runAsUser: 1, capabilities: { drop: ['ALL'] } };
const containers = (securityContext: object, more: object = {}) => ({ containers: [{ name: 'x', image: 'x', securityContext, ...more }] });
const pod = (more: object): Attempt => create('v1', 'Pod', { metadata: { name: 'mine' }, spec: podSpec(more) });
const asking = (requests: object): Attempt => pod(containers(confined, { resources: { requests, limits: requests } }));

export const breakingOut: readonly (readonly [string, Attempt, RegExp])[] = [
  [
    'is privileged',
    pod(containers({ ...confined, allowPrivilegeEscalation: true, privileged: true })),
    /PodSecurity "restricted.*privileged/,
  ],
  [
    'may gain privileges',
    pod(containers({ ...confined, allowPrivilegeEscalation: true })),
    /PodSecurity.*allowPrivilegeEscalation != false/,
  ],
  ['is root', pod(containers({ ...confined, runAsUser: 0 })), /PodSecurity.*runAsUser=0/],
  ['may be root', pod({ securityContext: { seccompProfile: { type: 'RuntimeDefault' } } }), /PodSecurity.*runAsNonRoot != true/],
  ['keeps a capability', pod(containers({ ...confined, capabilities: {} })), /PodSecurity.*unrestricted capabilities/],
  ['has every system call', pod({ securityContext: { runAsNonRoot: true } }), /PodSecurity.*seccompProfile/],
  ['sees the node’s files', pod({ volumes: [{ name: 'node', hostPath: { path: '/' } }] }), /PodSecurity.*hostPath/],
  ['is in the node’s network', pod({ hostNetwork: true }), /PodSecurity.*hostNetwork=true/],
  ['sees the node’s processes', pod({ hostPID: true }), /PodSecurity.*hostPID=true/],
  ['shares the node’s memory', pod({ hostIPC: true }), /PodSecurity.*hostIPC=true/],
  ['takes a port of the node', pod(containers(confined, { ports: [{ containerPort: 80, hostPort: 80 }] })), /PodSecurity.*hostPort/],
];

export const tooMuch: readonly (readonly [string, Attempt, RegExp])[] = [
  ['processors', asking({ cpu: '1000' }), /exceeded quota: tenant, requested: requests\.cpu=1k/],
  ['memory', asking({ memory: '1Ti' }), /exceeded quota: tenant, requested: limits\.memory=1Ti,requests\.memory=1Ti/],
  [
    'disks',
    create('v1', 'PersistentVolumeClaim', {
      metadata: { name: 'mine' },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
    }),
    /exceeded quota: tenant, requested: persistentvolumeclaims=1, used: persistentvolumeclaims=0, limited: persistentvolumeclaims=0/,
  ],
];
