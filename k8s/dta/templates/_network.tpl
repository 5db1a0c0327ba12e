{{/* One rule of egress, of peers and TCP ports. */}}
{{- define "dta.egress" -}}
- to: {{- toYaml .to | nindent 4 }}
  ports:
    {{- range .ports }}
    - { protocol: TCP, port: {{ int . }} }
    {{- end }}
{{- end -}}

{{- define "dta.egressDns" -}}
{{- with .Values.networkPolicy.dns -}}
- to: {{- toYaml .to | nindent 4 }}
  ports:
    - { protocol: UDP, port: {{ int .port }} }
    - { protocol: TCP, port: {{ int .port }} }
{{- end -}}
{{- end -}}
