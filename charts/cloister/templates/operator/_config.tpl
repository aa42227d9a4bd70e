{{/* The operator's settings file. Quoted where a value could be read as something else than text. */}}
{{- define "cloister.operatorConfig" -}}
systemNamespace: {{ .Release.Namespace | quote }}
accessNamespace: {{ .Values.namespaces.access | quote }}
providersNamespace: {{ .Values.namespaces.providers | quote }}
ownKeysNamespace: {{ .Values.namespaces.ownKeys | quote }}
ingress:
  baseDomain: {{ .Values.ingress.baseDomain | quote }}
  className: {{ .Values.ingress.className | quote }}
  tlsSecretName: {{ with .Values.ingress.tlsSecretName }}{{ . | quote }}{{ else }}null{{ end }}
  edgeService: edge
  edgeServicePort: 80
  annotations: {{- toYaml .Values.ingress.annotations | nindent 4 }}
agentRuntime:
  image: {{ include "cloister.image" (dict "root" . "image" .Values.images.agentRuntime) | quote }}
  imagePullPolicy: {{ .Values.images.pullPolicy }}
  imagePullSecrets: {{- toYaml .Values.agents.imagePullSecrets | nindent 4 }}
  logLevel: {{ .Values.logLevel }}
  drainSeconds: {{ .Values.agents.drainSeconds }}
  egressURL: {{ printf "http://egress.%s.svc:80/v1" .Release.Namespace | quote }}
postgres:
  adminSecret: { name: {{ .Values.postgres.adminSecret | quote }} }
  port: {{ .Values.postgres.port }}
  connectionLimit: {{ .Values.postgres.connectionLimit }}
  statementTimeoutSeconds: {{ .Values.postgres.statementTimeoutSeconds }}
  networkPeer: {{- toYaml .Values.postgres.networkPeer | nindent 4 }}
redis:
  adminSecret: { name: {{ .Values.redis.adminSecret | quote }} }
  port: {{ .Values.redis.port }}
  networkPeer: {{- toYaml .Values.redis.networkPeer | nindent 4 }}
rotation: {{- toYaml .Values.rotation | nindent 2 }}
dns:
  port: {{ .Values.dns.port }}
  networkPeer: {{- toYaml .Values.dns.networkPeer | nindent 4 }}
leaderElection: { enabled: true }
concurrency: {{ .Values.operator.concurrency }}
tenantRollouts: {{- toYaml .Values.operator.tenantRollouts | nindent 2 }}
behindSeconds: {{ .Values.operator.behindSeconds }}
dataCheckSeconds: {{ .Values.operator.dataCheckSeconds }}
usageSeconds: {{ .Values.operator.usageSeconds }}
{{- end }}
