/** Objects of the built-in kinds that operators make most, written in the ways in which a server answers in another spelling. */
export const labels = { app: 'x' };
const podSpec = {
  automountServiceAccountToken: false,
  hostNetwork: false,
  securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
  nodeSelector: {},
  tolerations: [],
  topologySpreadConstraints: [
    { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'ScheduleAnyway', labelSelector: { matchLabels: labels } },
  ],
  containers: [
    {
      name: 'main',
      image: 'localhost/main',
      args: ['--x'],
      ports: [{ name: 'http', containerPort: 8080 }],
      env: [
        { name: 'A', value: '1' },
        { name: 'CPU', valueFrom: { resourceFieldRef: { resource: 'limits.cpu', divisor: '1m' } } },
        { name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
      ],
      envFrom: [{ secretRef: { name: 's' } }],
      resources: { requests: { cpu: '1000m', memory: '1024Mi' }, limits: { cpu: '2', memory: '2Gi', 'ephemeral-storage': '0.5Gi' } },
      readinessProbe: { httpGet: { path: '/', port: 'http' }, initialDelaySeconds: 0, periodSeconds: 1 },
      volumeMounts: [
        { name: 'tmp', mountPath: '/tmp' },
        { name: 'token', mountPath: '/token', readOnly: true },
      ],
      securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] }, readOnlyRootFilesystem: true },
    },
  ],
  volumes: [
    { name: 'tmp', emptyDir: { sizeLimit: '1024Mi' } },
    { name: 'token', projected: { sources: [{ serviceAccountToken: { audience: 'x', expirationSeconds: 3600, path: 'token' } }] } },
  ],
};

export const children: readonly (readonly [string, string, object])[] = [
  ['v1', 'ConfigMap', { data: { a: '1', empty: '' }, immutable: false }],
  ['v1', 'Secret', { stringData: { password: 'hush' }, type: 'Opaque' }],
  ['v1', 'ServiceAccount', { automountServiceAccountToken: false, imagePullSecrets: [{ name: 'pull' }] }],
  [
    'v1',
    'ResourceQuota',
    { spec: { hard: { 'requests.cpu': '2000m', 'limits.memory': '4096Mi', pods: '10', 'count/secrets': '20', 'services.nodeports': 0 } } },
  ],
  [
    'v1',
    'LimitRange',
    {
      spec: {
        limits: [{ type: 'Container', default: { cpu: '0.5', memory: '512Mi' }, defaultRequest: { cpu: '100m' }, max: { cpu: '4000m' } }],
      },
    },
  ],
  [
    'v1',
    'Service',
    {
      spec: {
        type: 'ClusterIP',
        selector: labels,
        ports: [{ name: 'http', port: 80, targetPort: 'http' }],
        publishNotReadyAddresses: false,
      },
    },
  ],
  [
    'apps/v1',
    'Deployment',
    {
      spec: {
        replicas: 0,
        minReadySeconds: 0,
        paused: false,
        selector: { matchLabels: labels },
        template: { metadata: { labels, annotations: {} }, spec: podSpec },
      },
    },
  ],
  [
    'batch/v1',
    'CronJob',
    {
      spec: {
        schedule: '0 0 * * *',
        suspend: false,
        jobTemplate: { spec: { template: { spec: { ...podSpec, topologySpreadConstraints: [], restartPolicy: 'Never' } } } },
      },
    },
  ],
  ['policy/v1', 'PodDisruptionBudget', { spec: { maxUnavailable: 1, selector: { matchLabels: labels } } }],
  [
    'autoscaling/v2',
    'HorizontalPodAutoscaler',
    {
      spec: {
        minReplicas: 1,
        maxReplicas: 3,
        scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'x' },
        metrics: [
          { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 70 } } },
          { type: 'Pods', pods: { metric: { name: 'q' }, target: { type: 'AverageValue', averageValue: '1000m' } } },
        ],
      },
    },
  ],
  [
    'networking.k8s.io/v1',
    'NetworkPolicy',
    {
      spec: {
        podSelector: {},
        policyTypes: ['Ingress', 'Egress'],
        ingress: [],
        egress: [
          {
            to: [{ namespaceSelector: { matchLabels: { a: 'b' } }, podSelector: {} }],
            ports: [{ port: 53, protocol: 'UDP' }, { port: 53 }],
          },
        ],
      },
    },
  ],
  [
    'networking.k8s.io/v1',
    'Ingress',
    {
      spec: {
        ingressClassName: 'nginx',
        tls: [{ hosts: ['a.example'], secretName: 't' }],
        rules: [
          {
            host: 'a.example',
            http: { paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: 'x', port: { name: 'http' } } } }] },
          },
        ],
      },
    },
  ],
  ['rbac.authorization.k8s.io/v1', 'Role', { rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'] }] }],
  [
    'rbac.authorization.k8s.io/v1',
    'RoleBinding',
    {
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'x' },
      subjects: [
        { kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'ada' },
        { kind: 'ServiceAccount', name: 'x', namespace: 'y' },
      ],
    },
  ],
  ['v1', 'PersistentVolumeClaim', { spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1024Mi' } } } }],
  [
    'coordination.k8s.io/v1',
    'Lease',
    { spec: { holderIdentity: 'x', leaseDurationSeconds: 15, renewTime: '2026-01-01T00:00:00.000000Z' } },
  ],
];
