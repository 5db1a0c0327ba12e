{{/* What the name of every object begins with. 24 characters leave room for an identity's name and what a Job adds: checked. */}}
{{- define "dta.fullname" -}}
{{- .Values.fullnameOverride | default .Release.Name -}}
{{- end -}}

{{- define "dta.operator" -}}
{{- .Values.operator | default (include "dta.fullname" .) -}}
{{- end -}}

{{/* By what the release's pods are selected: never changes. */}}
{{- define "dta.selector" -}}
app.kubernetes.io/name: dta
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{/* Pods of one identity's Deployment, not of its Job. (list root identity) */}}
{{- define "dta.identityPods" -}}
{{- $identity := index . 1 -}}
{{ include "dta.selector" (index . 0) }}
app.kubernetes.io/component: {{ $identity.role }}
dta/identity: {{ $identity.name | quote }}
{{- end -}}

{{- define "dta.gatewayPods" -}}
{{ include "dta.selector" . }}
app.kubernetes.io/component: gateway
{{- end -}}

{{- define "dta.labels" -}}
{{ include "dta.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name (.Chart.Version | replace "+" "_") }}
{{- end -}}

{{/* (list root image) */}}
{{- define "dta.image" -}}
{{- $root := index . 0 -}}{{- $image := index . 1 -}}
{{- if $image.digest -}}
{{ $image.repository }}@{{ $image.digest }}
{{- else -}}
{{ $image.repository }}:{{ $image.tag | default $root.Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- define "dta.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{ .Values.serviceAccount.name | default (include "dta.fullname" .) }}
{{- else -}}
{{ .Values.serviceAccount.name | default "default" }}
{{- end -}}
{{- end -}}
