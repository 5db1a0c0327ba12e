{{/* Lays one map over another, false and 0 too, which sprig's mergeOverwrite leaves out. (list below above): changes below. */}}
{{- define "dta.overlay" -}}
{{- $below := index . 0 -}}
{{- range $key, $value := index . 1 -}}
  {{- if and (kindIs "map" $value) (kindIs "map" (get $below $key)) -}}
    {{- include "dta.overlay" (list (get $below $key) $value) -}}
  {{- else -}}
    {{- $_ := set $below $key $value -}}
  {{- end -}}
{{- end -}}
{{- end -}}

{{/*
The operator's own identities, as JSON: a list of maps of

  name       principal, beneficiary, or the fiduciary's own
  role       principal, beneficiary or fiduciary
  fullname   of its Deployment, claim and ConfigMap
  called     <operator>-<name>: in identities, and to people
  node       its idDocumentCID; empty while it isn't made
  set        its settings: those of role, with its own laid over them
*/}}
{{- define "dta.identities" -}}
{{- $root := . -}}
{{- $own := list -}}
{{- range $role := list "principal" "beneficiary" -}}
  {{- if (index $root.Values $role).enabled -}}
    {{- $own = append $own (dict "name" $role "role" $role "own" (index $root.Values $role)) -}}
  {{- end -}}
{{- end -}}
{{- range $root.Values.fiduciaries -}}
  {{- $own = append $own (dict "name" .name "role" "fiduciary" "own" .) -}}
{{- end -}}
{{- $all := list -}}
{{- range $own -}}
  {{- $set := deepCopy $root.Values.role -}}
  {{- include "dta.overlay" (list $set .own) -}}
  {{- $called := printf "%s-%s" (include "dta.operator" $root) .name -}}
  {{- $known := get $root.Values.identities $called | default dict -}}
  {{- $all = append $all (dict
    "name" .name
    "role" .role
    "fullname" (printf "%s-%s" (include "dta.fullname" $root) .name)
    "called" $called
    "node" ($known.node | default "")
    "set" $set
  ) -}}
{{- end -}}
{{- toJson $all -}}
{{- end -}}

{{/* The idDocumentCID of a name of identities. (list root name where) */}}
{{- define "dta.node" -}}
{{- $root := index . 0 -}}{{- $name := index . 1 -}}
{{- $known := get $root.Values.identities $name -}}
{{- if not (and $known $known.node) -}}
  {{- fail (printf "%s names %q, of which identities has no node: give identities.%s.node, its idDocumentCID" (index . 2) $name $name) -}}
{{- end -}}
{{- $known.node -}}
{{- end -}}

{{/* The most replicas that an identity or the gateway has, by its settings; and the fewest. */}}
{{- define "dta.mostReplicas" -}}
{{- if .autoscaling.enabled }}{{ .autoscaling.maxReplicas | int }}{{ else }}{{ .replicas | int }}{{ end -}}
{{- end -}}
{{- define "dta.fewestReplicas" -}}
{{- if .autoscaling.enabled }}{{ .autoscaling.minReplicas | int }}{{ else }}{{ .replicas | int }}{{ end -}}
{{- end -}}

{{/*
How many a Deployment has. Where an HPA counts: those that are there, since a Deployment that had a number and has none falls to 1;
and nothing where there is no Deployment yet. (list root name settings)
*/}}
{{- define "dta.replicas" -}}
{{- $root := index . 0 -}}{{- $set := index . 2 -}}
{{- if $set.autoscaling.enabled -}}
  {{- with lookup "apps/v1" "Deployment" $root.Release.Namespace (index . 1) -}}
    {{- max (dig "spec" "replicas" 0 . | int) ($set.autoscaling.minReplicas | int) -}}
  {{- end -}}
{{- else -}}
  {{- $set.replicas | int -}}
{{- end -}}
{{- end -}}

{{/*
Whether an old pod must be gone before a new one may start: on another machine it would wait for the claim for ever, and of software
custody's file there is one writer.
*/}}
{{- define "dta.isExclusive" -}}
{{- if and (eq (include "dta.hasClaim" .) "yes") (or (ne .persistence.accessMode "ReadWriteMany") (eq .custody.kind "software")) -}}yes{{- end -}}
{{- end -}}

{{/* Where an identity's key file is: on a claim, or in a Secret. */}}
{{- define "dta.hasClaim" -}}
{{- if not .keyFile.existingSecret -}}yes{{- end -}}
{{- end -}}
