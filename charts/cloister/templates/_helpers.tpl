{{/* Labels of every object of the release. Takes {root, component}; component may be left out. */}}
{{- define "cloister.labels" -}}
{{ include "cloister.selectorLabels" . }}
app.kubernetes.io/part-of: cloister
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{/* What selects a component's pods. Tenants' NetworkPolicies select by the same two labels: they must never change. */}}
{{- define "cloister.selectorLabels" -}}
app.kubernetes.io/name: cloister
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end }}

{{/* Reference of an image. Takes {root, image}; a digest wins over a tag. */}}
{{- define "cloister.image" -}}
{{- $images := .root.Values.images -}}
{{- $repository := printf "%s/%s" $images.registry .image.repository -}}
{{- if .image.digest -}}
{{ printf "%s@%s" $repository .image.digest }}
{{- else -}}
{{ printf "%s:%s" $repository (.image.tag | default $images.tag | default .root.Chart.AppVersion) }}
{{- end -}}
{{- end }}

{{/* The restricted Pod Security profile: of the pod, … */}}
{{- define "cloister.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{/* … and of its container, with a root file system that nobody writes to. */}}
{{- define "cloister.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}

{{/* Where pods may run. Takes {root, component, values}; spread over nodes and zones as far as possible, never at the price of not running. */}}
{{- define "cloister.scheduling" -}}
{{- with .root.Values.images.pullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
topologySpreadConstraints:
{{- range $topologyKey := list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - maxSkew: 1
    topologyKey: {{ $topologyKey }}
    whenUnsatisfiable: ScheduleAnyway
    matchLabelKeys: [pod-template-hash]
    labelSelector:
      matchLabels: {{- include "cloister.selectorLabels" $ | nindent 8 }}
{{- end }}
{{- end }}

{{/* Health is asked on the metrics port, so that a flood of callers does not get a pod killed. */}}
{{- define "cloister.probes" -}}
{{- /* The first process of a container hears of no signal before it listens to it; by the end of this pause it does. */}}
lifecycle:
  preStop: { sleep: { seconds: 1 } }
readinessProbe:
  httpGet: { path: /readyz, port: metrics }
  periodSeconds: 1
  failureThreshold: 2
livenessProbe:
  httpGet: { path: /healthz, port: metrics }
  initialDelaySeconds: 10
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 3
{{- end }}

{{- define "cloister.commonEnv" -}}
- { name: NODE_ENV, value: production }
- { name: LOG_LEVEL, value: {{ .Values.logLevel | quote }} }
- { name: METRICS_PORT, value: "9090" }
{{- end }}

{{/* New pods come up before old ones go: no request is refused during an upgrade. */}}
{{- define "cloister.strategy" -}}
type: RollingUpdate
rollingUpdate: { maxSurge: 1, maxUnavailable: 0 }
{{- end }}

{{/* Ports of a NetworkPolicy rule, from a list of numbers; nothing when the list is empty, which means every port. */}}
{{- define "cloister.policyPorts" -}}
{{- with . }}
ports:
{{- range . }}
  - { protocol: TCP, port: {{ . }} }
{{- end }}
{{- end }}
{{- end }}
