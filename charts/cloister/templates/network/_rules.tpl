{{/* Rules that several of the policies share. */}}

{{- define "cloister.toDNS" -}}
- to: [{{ toJson .Values.dns.networkPeer }}]
  ports:
    - { protocol: UDP, port: {{ .Values.dns.port }} }
    - { protocol: TCP, port: {{ .Values.dns.port }} }
{{- end }}

{{- define "cloister.toAPIServer" -}}
{{- with .Values.networkPolicy.apiServer }}
{{- if .peers -}}
- to: {{- toYaml .peers | nindent 4 }}
  {{- include "cloister.policyPorts" .ports | nindent 2 }}
{{- else if .ports -}}
- {{- include "cloister.policyPorts" .ports | trim | nindent 2 }}
{{- else }}
{{- fail "networkPolicy.apiServer has neither peers nor ports, which would let Cloister's pods reach everything; give one of them" }}
{{- end }}
{{- end }}
{{- end }}

{{- define "cloister.toPostgres" -}}
- to: [{{ toJson .Values.postgres.networkPeer }}]
  {{- include "cloister.policyPorts" (list .Values.postgres.port) | nindent 2 }}
{{- end }}

{{- define "cloister.toRedis" -}}
- to: [{{ toJson .Values.redis.networkPeer }}]
  {{- include "cloister.policyPorts" (list .Values.redis.port) | nindent 2 }}
{{- end }}

{{- define "cloister.toCollector" -}}
{{- if .Values.tracing.endpoint }}
- to: [{{ toJson .Values.tracing.networkPeer }}]
  {{- include "cloister.policyPorts" (list .Values.tracing.port) | nindent 2 }}
{{- end }}
{{- end }}

{{- define "cloister.metricsIn" -}}
{{- with .Values.networkPolicy.metricsFrom }}
- from: {{- toYaml . | nindent 4 }}
  ports: [{ protocol: TCP, port: metrics }]
{{- end }}
{{- end }}

{{/* Agents' pods, in every tenant's namespace. */}}
{{- define "cloister.agents" -}}
namespaceSelector:
  matchExpressions: [{ key: cloister.dev/tenant, operator: Exists }]
podSelector:
  matchLabels: {{- include "cloister.selectorLabels" (dict "component" "agent") | nindent 4 }}
{{- end }}
