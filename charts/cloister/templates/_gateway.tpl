{{/*
Deployment of one half of the gateway. Takes {root, component, values, env, secrets}: env is YAML of further variables, secrets maps a
folder under /var/run/secrets/cloister to {secret, key}, or to {configMap, key}, which the operator makes (pods wait in ContainerCreating until they are
there), or to {audience, key}: a token of the pod's ServiceAccount. Of a Secret with `whole`, the keys beside it are there, too, while it has them.
*/}}
{{- define "cloister.gatewayDeployment" -}}
{{- $secrets := .secrets }}
{{- with .root.Values.tracing }}
{{- if and .endpoint .headersSecret.name }}
{{- $secrets = merge (dict "tracing" (dict "variable" "TRACING_HEADERS_FILE" "secret" .headersSecret.name "key" .headersSecret.key)) $secrets }}
{{- end }}
{{- end }}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .component }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "cloister.labels" . | nindent 4 }}
spec:
  {{- if not .values.autoscaling.enabled }}
  replicas: {{ .values.replicas }}
  {{- end }}
  strategy: {{- include "cloister.strategy" . | nindent 4 }}
  selector:
    matchLabels: {{- include "cloister.selectorLabels" . | nindent 6 }}
  template:
    metadata:
      labels: {{- include "cloister.selectorLabels" . | nindent 8 }}
      {{- with .values.podAnnotations }}
      annotations: {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      serviceAccountName: {{ .component }}
      automountServiceAccountToken: true
      terminationGracePeriodSeconds: {{ .values.terminationGracePeriodSeconds }}
      securityContext: {{- include "cloister.podSecurityContext" . | nindent 8 }}
      {{- include "cloister.scheduling" . | nindent 6 }}
      containers:
        - name: {{ .component }}
          image: {{ include "cloister.image" (dict "root" .root "image" .root.Values.images.gateway) | quote }}
          imagePullPolicy: {{ .root.Values.images.pullPolicy }}
          args: [{{ .component }}]
          securityContext: {{- include "cloister.containerSecurityContext" . | nindent 12 }}
          env:
            {{- include "cloister.commonEnv" .root | nindent 12 }}
            # Else V8 takes from 4 to 32 MiB for each half of what is young in its heap, as the memory limit is (docs/performance.md).
            - { name: NODE_OPTIONS, value: --max-semi-space-size=8 }
            - { name: HTTP_PORT, value: "8080" }
            - { name: DRAIN_SECONDS, value: {{ .values.drainSeconds | quote }} }
            - { name: SYSTEM_NAMESPACE, value: {{ .root.Release.Namespace | quote }} }
            {{- .env | nindent 12 }}
            {{- with .root.Values.tracing }}
            {{- if .endpoint }}
            - { name: TRACING_ENDPOINT, value: {{ .endpoint | quote }} }
            - { name: TRACING_RATIO, value: {{ .ratio | quote }} }
            {{- end }}
            {{- end }}
            {{- range $folder, $from := $secrets }}
            - { name: {{ $from.variable }}, value: /var/run/secrets/cloister/{{ $folder }}/{{ $from.key }} }
            {{- end }}
          ports:
            - { name: http, containerPort: 8080 }
            - { name: metrics, containerPort: 9090 }
          {{- include "cloister.probes" . | nindent 10 }}
          resources: {{- toYaml .values.resources | nindent 12 }}
          volumeMounts:
            {{- range $folder, $_ := $secrets }}
            - { name: {{ $folder }}, mountPath: /var/run/secrets/cloister/{{ $folder }}, readOnly: true }
            {{- end }}
      volumes:
        {{- range $folder, $from := $secrets }}
        - name: {{ $folder }}
          {{- if $from.audience }}
          projected:
            sources: [{ serviceAccountToken: { audience: {{ $from.audience }}, expirationSeconds: 3600, path: {{ $from.key }} } }]
          {{- else }}
          {{- if $from.configMap }}
          configMap:
            name: {{ $from.configMap }}
          {{- else }}
          secret:
            secretName: {{ $from.secret }}
          {{- end }}
            defaultMode: 0440
            {{- if not $from.whole }}
            items: [{ key: {{ $from.key }}, path: {{ $from.key }} }]
            {{- end }}
          {{- end }}
        {{- end }}
{{- end }}
