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

{{/* The TCP port of an address: what it says, or what its protocol has by default. */}}
{{- define "dta.portOf" -}}
{{- $url := urlParse . -}}
{{- $said := regexFind ":[0-9]+$" $url.host | trimPrefix ":" -}}
{{- $said | default (get (dict "nats" "4222" "tls" "4222" "http" "80" "https" "443") $url.scheme) -}}
{{- end -}}

{{/* Refuses an address whose port the policies close. (list root what url where) */}}
{{- define "dta.checkPort" -}}
{{- $policy := index (index . 0).Values.networkPolicy (index . 1) -}}{{- $url := index . 2 -}}
{{- $port := include "dta.portOf" $url -}}
{{- $open := list -}}
{{- range $policy.ports }}{{ $open = append $open (int . | toString) }}{{ end -}}
{{- if not (has $port $open) -}}
  {{- fail (printf "networkPolicy.%s.ports is [%s], without port %s of %s, %s: add it, or the policies close it" (index . 1) (join ", " $open) $port (index . 3) $url) -}}
{{- end -}}
{{- end -}}
