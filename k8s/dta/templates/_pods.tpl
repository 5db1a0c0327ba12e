{{/* What every pod has: no right, no token of Kubernetes. */}}
{{- define "dta.podSecurity" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  # Always would open the files of a claim to the group, and software custody refuses a file that others can read
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: { type: RuntimeDefault }
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "dta.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
{{- end -}}

{{/* Whether the process answers, and whether it can work: on the metrics port, which asks for no token. (list root port) */}}
{{- define "dta.probes" -}}
{{- $root := index . 0 -}}{{- $port := index . 1 | int -}}
startupProbe:
  httpGet: { path: /health/live, port: {{ $port }} }
  timeoutSeconds: 5
  {{- toYaml $root.Values.probes.startup | nindent 2 }}
readinessProbe:
  httpGet: { path: /health/ready, port: {{ $port }} }
  timeoutSeconds: 5
  {{- toYaml $root.Values.probes.readiness | nindent 2 }}
livenessProbe:
  httpGet: { path: /health/live, port: {{ $port }} }
  timeoutSeconds: 5
  {{- toYaml $root.Values.probes.liveness | nindent 2 }}
lifecycle:
  preStop:
    sleep: { seconds: {{ $root.Values.shutdown.preStopSeconds | int }} }
{{- end -}}

{{/*
Which machines the pod of a Job or of helm test may be put on, by the settings of what it is for. Of the affinity that part alone
which is about machines: the rest keeps replicas apart, or near others, and a Job might wait for ever.
*/}}
{{- define "dta.machines" -}}
{{- with .nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with (.affinity | default dict).nodeAffinity }}
affinity:
  nodeAffinity: {{- toYaml . | nindent 4 }}
{{- end }}
{{- end -}}

{{/* Where pods go. (list root settings labels), which are those of the pods that it is spread from. */}}
{{- define "dta.placement" -}}
{{- $set := index . 1 -}}
{{- with $set.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $set.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $set.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $set.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- if $set.topologySpread.enabled }}
topologySpreadConstraints:
  {{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: {{ $set.topologySpread.whenUnsatisfiable }}
    labelSelector:
      matchLabels: {{- index $ 2 | nindent 8 }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* How a Deployment replaces its pods, by its settings. */}}
{{- define "dta.rollingUpdate" -}}
type: RollingUpdate
rollingUpdate:
  maxSurge: {{ .rollingUpdate.maxSurge | int }}
  maxUnavailable: {{ .rollingUpdate.maxUnavailable | int }}
{{- end -}}

{{/*
Changes where one of the named Secrets or ConfigMaps does, so that pods roll. By the version that Kubernetes counts, never by the
contents: of a short PIN a hash would tell the PIN. Where Helm sees no cluster, secretsVersion alone counts. (list root kind/name …)
*/}}
{{- define "dta.outsideVersion" -}}
{{- $root := first . -}}
{{- $seen := list $root.Values.secretsVersion -}}
{{- range rest . | uniq | sortAlpha -}}
  {{- $parts := splitList "/" . -}}
  {{- $object := lookup "v1" (first $parts) $root.Release.Namespace (last $parts) -}}
  {{- $seen = append $seen (printf "%s %s" . (dig "metadata" "resourceVersion" "" $object)) -}}
{{- end -}}
{{- join "\n" $seen | sha256sum | trunc 16 -}}
{{- end -}}

{{- define "dta.natsKey" -}}
{{- .Values.nats.key | default (ternary "nats.creds" "nats-password" (eq .Values.nats.auth "credentials")) -}}
{{- end -}}

{{/* Settings that roles and gateway share. */}}
{{- define "dta.commonEnvironment" -}}
- { name: NATS_URL, value: {{ join "," .Values.nats.urls | quote }} }
{{- if eq .Values.nats.auth "password" }}
- { name: NATS_USER, value: {{ .Values.nats.user | quote }} }
- { name: NATS_PASSWORD_FILE, value: /secrets/nats-password }
{{- else if eq .Values.nats.auth "credentials" }}
- { name: NATS_CREDENTIALS_FILE, value: /secrets/nats.creds }
{{- end }}
- { name: TOKEN_HASH_FILE, value: /secrets/token-hash }
{{- with .Values.certificateAuthority.existingConfigMap }}
- { name: NODE_EXTRA_CA_CERTS, value: /certificates/ca.crt }
{{- end }}
{{- end -}}

{{/* Secrets that roles and gateway share, as sources of one volume. */}}
{{- define "dta.commonSecrets" -}}
- secret:
    name: {{ .Values.access.existingSecret }}
    items: [{ key: {{ .Values.access.key }}, path: token-hash }]
{{- if ne .Values.nats.auth "none" }}
- secret:
    name: {{ .Values.nats.existingSecret }}
    items: [{ key: {{ include "dta.natsKey" . }}, path: {{ ternary "nats.creds" "nats-password" (eq .Values.nats.auth "credentials") }} }]
{{- end }}
{{- end -}}

{{- define "dta.certificatesVolume" -}}
{{- with .Values.certificateAuthority.existingConfigMap }}
- name: certificates
  configMap:
    name: {{ . }}
    items: [{ key: {{ $.Values.certificateAuthority.key }}, path: ca.crt }]
{{- end }}
{{- end -}}
{{- define "dta.certificatesMount" -}}
{{- if .Values.certificateAuthority.existingConfigMap }}
- { name: certificates, mountPath: /certificates, readOnly: true }
{{- end }}
{{- end -}}

{{/* Custody in the environment, for a role and for the Job that makes its keys. (list root settings) */}}
{{- define "dta.custodyEnvironment" -}}
{{- $set := index . 1 -}}
{{- if eq $set.custody.kind "pkcs11" }}
- { name: CUSTODY_PKCS11_MODULE, value: {{ printf "/pkcs11/%s" $set.custody.pkcs11.module | quote }} }
- { name: CUSTODY_PKCS11_TOKEN, value: {{ $set.custody.pkcs11.token | quote }} }
- { name: CUSTODY_PKCS11_PIN_FILE, value: /secrets/pkcs11-pin }
- { name: LD_LIBRARY_PATH, value: /pkcs11 }
{{- range $name, $value := $set.custody.pkcs11.environment }}
- { name: {{ $name }}, value: {{ $value | quote }} }
{{- end }}
{{- end }}
{{- end -}}

{{- define "dta.custodyMounts" -}}
{{- if eq .custody.kind "pkcs11" }}
- { name: pkcs11, mountPath: /pkcs11, readOnly: true }
{{- if .custody.pkcs11.existingSecret }}
- { name: pkcs11-configuration, mountPath: /pkcs11-configuration, readOnly: true }
{{- end }}
{{- end }}
{{- with .extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "dta.custodyVolumes" -}}
{{- if eq .custody.kind "pkcs11" }}
- name: pkcs11
  emptyDir: { sizeLimit: 512Mi }
{{- with .custody.pkcs11.existingSecret }}
- name: pkcs11-configuration
  secret: { secretName: {{ . }}, defaultMode: 0440 }
{{- end }}
{{- end }}
{{- with .extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Copies the vendor's module to where the role finds it: its image holds none. */}}
{{- define "dta.custodyInit" -}}
{{- if eq .custody.kind "pkcs11" }}
initContainers:
  - name: pkcs11
    image: {{ .custody.pkcs11.image | quote }}
    imagePullPolicy: {{ .custody.pkcs11.imagePullPolicy }}
    command: {{ concat (list "cp" "-RL") .custody.pkcs11.copy (list "/pkcs11/") | toJson }}
    {{- include "dta.containerSecurity" . | nindent 4 }}
    resources: { requests: { cpu: 50m, memory: 32Mi }, limits: { memory: 128Mi } }
    volumeMounts:
      - { name: pkcs11, mountPath: /pkcs11 }
{{- end }}
{{- end -}}
