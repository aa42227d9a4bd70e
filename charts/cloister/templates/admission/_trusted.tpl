{{/*
Who the walls are not for: the operator, Kubernetes' own parts, the platform's administrators. Administrators are those who may update every Tenant:
whoever may do that can take any of these walls down anyway, so nobody has to be listed twice. admission.trusted adds to them.
And who has been given a status, a scale or bindings in the whole cluster, by those alone: network plugins, autoscalers and schedulers, under whichever
name they are installed. A right that is bound in the tenant's namespace does not count. Asked for with one verb, that of those who do it most: an
expression may ask twice, no more.
One expression: of several conditions the API server evaluates each, whatever the ones before said, and the last question costs a look into the cluster's roles.
*/}}
{{- define "cloister.notTrusted" -}}
- name: not-trusted
  expression: >-
    request.userInfo.username != {{ printf "system:serviceaccount:%s:operator" .Release.Namespace | squote }} &&
    !(request.userInfo.username in ['system:apiserver', 'system:kube-controller-manager', 'system:kube-scheduler']) &&
    !request.userInfo.?groups.orValue([]).exists(group, group in ['system:nodes', 'system:serviceaccounts:kube-system']) &&
{{- with .Values.admission.trusted.users }}
    !(request.userInfo.username in {{ toJson . | replace "\"" "'" }}) &&
{{- end }}
{{- with .Values.admission.trusted.groups }}
    !request.userInfo.?groups.orValue([]).exists(group, group in {{ toJson . | replace "\"" "'" }}) &&
{{- end }}
    !((request.?subResource.orValue('') in ['status', 'scale', 'binding'] || request.resource.resource == 'bindings') &&
    request.resource.resource != 'namespaces' &&
    authorizer.group(request.resource.group).resource(request.resource.resource).subresource(request.?subResource.orValue(''))
    .check(request.operation == 'CREATE' ? 'create' : request.resource.resource == 'pods' ? 'patch' : 'update').allowed()) &&
    !authorizer.group('cloister.dev').resource('tenants').check('update').allowed()
{{- end }}

{{/* Binds a policy to namespaces of tenants. Takes {root, name}. */}}
{{- define "cloister.inTenantNamespaces" -}}
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: {{ .name }}
  labels: {{- include "cloister.labels" (dict "root" .root "component" "operator") | nindent 4 }}
spec:
  policyName: {{ .name }}
  validationActions: [Deny]
  matchResources:
    namespaceSelector:
      matchExpressions: [{ key: cloister.dev/tenant, operator: Exists }]
{{- end }}

{{/* What the request is about, for messages. DELETE has an old object alone, CREATE a new one alone. */}}
{{- define "cloister.admissionVariables" -}}
- name: objects
  expression: "[object, oldObject].filter(seen, seen != null)"
- name: name
  expression: request.?name.orValue('')
- name: subresource
  expression: request.?subResource.orValue('')
- name: what
  expression: >-
    request.resource.resource + (variables.subresource == '' ? '' : '/' + variables.subresource) + ' "' + variables.name + '" in namespace "' +
    request.namespace + '"'
- name: tenant
  expression: namespaceObject.metadata.?labels[?'cloister.dev/tenant'].orValue('')
{{- end }}
