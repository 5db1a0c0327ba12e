{{/* A role's own secrets, as a source of its volume. Its Job and its gateway take less of the same Secret. */}}
{{- define "dta.roleSecrets" -}}
- secret:
    name: {{ .existingSecret }}
    items:
      - { key: internal-key, path: internal-key }
      {{- include "dta.keySecrets" . | nindent 6 }}
      {{- if and (eq .custody.kind "provider") .custody.provider.settings }}
      - { key: custody-provider-settings, path: custody-provider-settings }
      {{- end }}
{{- end -}}

{{/* What opens its key file. */}}
{{- define "dta.keySecrets" -}}
{{- if .keyFile.passphrase }}
- { key: key-passphrase, path: key-passphrase }
{{- end }}
{{- if eq .custody.kind "pkcs11" }}
- { key: pkcs11-pin, path: pkcs11-pin }
{{- end }}
{{- end -}}

{{- define "dta.databaseSecret" -}}
- secret:
    name: {{ .database.existingSecret | default .existingSecret }}
    items: [{ key: {{ .database.key }}, path: database-url }]
{{- end -}}

{{/* The files of a role's folder of admitted identities, by name. (list root identity) */}}
{{- define "dta.admitted" -}}
{{- $root := index . 0 -}}{{- $identity := index . 1 -}}
{{- range $name, $known := $root.Values.identities }}
{{- if or (kindIs "invalid" $identity.set.admits) (has $name $identity.set.admits) }}
{{- range $at, $document := $known.documents }}
{{ $name }}-{{ $at }}: {{ $document }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Of orders that name none. (list root settings) */}}
{{- define "dta.partiesOfOrders" -}}
{{- $root := index . 0 -}}{{- $set := index . 1 -}}
{{- $beneficiary := $set.beneficiary | default "" -}}
{{- $fiduciaries := $set.fiduciarySet -}}
{{- if kindIs "invalid" $fiduciaries -}}
  {{- $fiduciaries = list -}}
  {{- range include "dta.identities" $root | fromJsonArray -}}
    {{- if and (eq .role "fiduciary") .node -}}{{- $fiduciaries = append $fiduciaries .called -}}{{- end -}}
  {{- end -}}
{{- end -}}
{{- range include "dta.identities" $root | fromJsonArray -}}
  {{- if and (eq .role "beneficiary") .node (not $beneficiary) -}}{{- $beneficiary = .called -}}{{- end -}}
{{- end -}}
{{- if $beneficiary }}
- { name: BENEFICIARY, value: {{ include "dta.node" (list $root $beneficiary "principal.beneficiary") }} }
{{- end }}
{{- if $fiduciaries }}
{{- $nodes := list -}}
{{- range $fiduciaries }}{{ $nodes = append $nodes (include "dta.node" (list $root . "principal.fiduciarySet")) }}{{ end }}
- { name: FIDUCIARY_SET, value: {{ join "," $nodes | quote }} }
{{- end }}
{{- end -}}
