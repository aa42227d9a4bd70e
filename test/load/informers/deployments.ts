/** What the stub server holds, and those who watch it expect. */
export const count = 5_000;
export const events = 50_000;
export const firstVersion = 1_000_000;
export const lastVersion = firstVersion + events;
export const path = '/apis/apps/v1/deployments';

/** A Deployment of 1.6 KB as an API server would send it, managedFields and all. */
export const bodyOf = (index: number, version: number): string =>
  JSON.stringify({
    kind: 'Deployment',
    apiVersion: 'apps/v1',
    metadata: {
      name: `agent-${index}`,
      namespace: `tenant-${index % 500}`,
      uid: `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
      resourceVersion: String(version),
      generation: 3,
      creationTimestamp: '2026-01-01T00:00:00Z',
      labels: { 'app.kubernetes.io/name': 'agent', 'app.kubernetes.io/managed-by': 'operator', tenant: `tenant-${index % 500}` },
      managedFields: [
        {
          manager: 'operator',
          operation: 'Apply',
          apiVersion: 'apps/v1',
          time: '2026-01-01T00:00:00Z',
          fieldsType: 'FieldsV1',
          fieldsV1: {
            'f:metadata': { 'f:labels': { 'f:tenant': {} } },
            'f:spec': { 'f:replicas': {}, 'f:selector': {}, 'f:template': { 'f:spec': {} } },
          },
        },
      ],
    },
    spec: {
      replicas: 2,
      revisionHistoryLimit: 2,
      progressDeadlineSeconds: 120,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      selector: { matchLabels: { 'app.kubernetes.io/name': 'agent' } },
      template: {
        metadata: { labels: { 'app.kubernetes.io/name': 'agent' } },
        spec: {
          containers: [
            {
              name: 'agent',
              image: 'localhost/agent-runtime:1',
              ports: [{ containerPort: 8080, protocol: 'TCP' }],
              resources: { requests: { cpu: '50m', memory: '128Mi' }, limits: { cpu: '1', memory: '512Mi' } },
            },
          ],
        },
      },
    },
    status: {
      observedGeneration: 3,
      replicas: 2,
      updatedReplicas: 2,
      readyReplicas: 2,
      availableReplicas: 2,
      conditions: [{ type: 'Available', status: 'True', reason: 'MinimumReplicasAvailable', lastTransitionTime: '2026-01-01T00:00:00Z' }],
    },
  });
