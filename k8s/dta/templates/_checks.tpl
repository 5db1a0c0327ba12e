{{/* What values.schema.json can't say, as it looks at one value at a time. Each refusal names the value and says what to do. */}}
{{- define "dta.checks" -}}
{{- $root := . -}}
{{- $identities := include "dta.identities" . | fromJsonArray -}}
{{- $names := list -}}
{{- $connections := 0 -}}
{{- $taken := dict -}}
{{- if gt (len (include "dta.fullname" .)) 24 -}}
  {{- fail (printf "the name of the release, %q, has more than 24 characters: give a shorter fullnameOverride" (include "dta.fullname" .)) -}}
{{- end -}}
{{- $sum := list -}}
{{- range $identities -}}
  {{- $at := ternary (printf "fiduciaries (%s)" .name) .name (eq .role "fiduciary") -}}
  {{- if or (has .name $names) (and (eq .role "fiduciary") (has .name (list "principal" "beneficiary" "gateway" "migrate" "metrics" "test"))) -}}
    {{- fail (printf "fiduciaries: two objects would be called %q: give each fiduciary a name of its own" .name) -}}
  {{- end -}}
  {{- $names = append $names .name -}}
  {{- if not .set.existingSecret -}}
    {{- fail (printf "%s.existingSecret is missing: name the Secret with its internal-key and database-url" $at) -}}
  {{- end -}}
  {{- $claim := ternary (.set.persistence.existingClaim | default "") "" (eq (include "dta.hasClaim" .set) "yes") -}}
  {{- $own := dict
    "existingSecret" .set.existingSecret
    "database" (printf "%s, %s" (.set.database.existingSecret | default .set.existingSecret) .set.database.key)
    "persistence.existingClaim" $claim
    "keyFile.existingSecret" (ternary (printf "%s, %s" .set.keyFile.existingSecret .set.keyFile.key) "" (ne .set.keyFile.existingSecret ""))
    "node" .node
  -}}
  {{- range $what, $value := $own -}}
    {{- if $value -}}
      {{- $key := printf "%s %s" $what $value -}}
      {{- if hasKey $taken $key -}}
        {{- fail (printf "%s.%s is %q, and so is that of %s: each identity has one of its own" $at $what $value (get $taken $key)) -}}
      {{- end -}}
      {{- $_ := set $taken $key $at -}}
    {{- end -}}
  {{- end -}}
  {{- if and (not .node) (lookup "apps/v1" "Deployment" $root.Release.Namespace .fullname) -}}
    {{- fail (printf "identities.%s is missing, and %s runs: give the files of identities that you gave before, or the upgrade would take it away" .called .fullname) -}}
  {{- end -}}
  {{- include "dta.checkCustody" (list $at .set) -}}
  {{- include "dta.checkReplicas" (list $at .set) -}}
  {{- $perReplica := add (int .set.database.pool) (ternary 1 0 (eq .role "principal")) -}}
  {{- $surge := ternary 0 (int .set.rollingUpdate.maxSurge) (eq (include "dta.isExclusive" .set) "yes") -}}
  {{- $replicas := add (include "dta.mostReplicas" .set | int) $surge -}}
  {{- $connections = add $connections (mul $replicas $perReplica) -}}
  {{- $sum = append $sum (printf "%s %d × %d" .name $replicas $perReplica) -}}
  {{- if .node -}}
    {{- range .set.admits -}}
      {{- if not (hasKey $root.Values.identities .) -}}
        {{- fail (printf "%s.admits names %q, which identities doesn't have: give identities.%s" $at . .) -}}
      {{- end -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- if gt (int $connections) (int .Values.postgres.maxConnections) -}}
  {{- fail (printf "postgres.maxConnections is %d, but the roles may open %d connections (replicas, with those that a rollout adds, × database.pool, and one that a principal listens on: %s): raise it with the server's max_connections, or lower database.pool or the replicas" (int .Values.postgres.maxConnections) (int $connections) (join ", " $sum)) -}}
{{- end -}}
{{- if lt (int .Values.shutdown.gracePeriodSeconds) (add (int .Values.shutdown.preStopSeconds) 30 | int) -}}
  {{- fail (printf "shutdown.gracePeriodSeconds is %d: preStopSeconds, %d, and the 30 s that a process may take to end don't fit in" (int .Values.shutdown.gracePeriodSeconds) (int .Values.shutdown.preStopSeconds)) -}}
{{- end -}}
{{- if and $identities (not .Values.access.existingSecret) -}}
  {{- fail "access.existingSecret is missing: name the Secret with the token-hash of the gateway's callers" -}}
{{- end -}}
{{- if and $identities (not .Values.nats.urls) -}}
  {{- fail "nats.urls is empty: name the servers of NATS, as nats://nats.nats:4222" -}}
{{- end -}}
{{- if and (ne .Values.nats.auth "none") (not .Values.nats.existingSecret) -}}
  {{- fail (printf "nats.existingSecret is missing: nats.auth is %s" .Values.nats.auth) -}}
{{- end -}}
{{- if and (eq .Values.nats.auth "password") (not .Values.nats.user) -}}
  {{- fail "nats.user is missing: nats.auth is password" -}}
{{- end -}}
{{- if and .Values.kubo.url .Values.kubo.existingSecret -}}
  {{- fail "kubo.url and kubo.existingSecret are both given: one of them names the node" -}}
{{- end -}}
{{- if .Values.gateway.enabled -}}
  {{- if not $identities -}}
    {{- fail "gateway.enabled is true, but the operator has no role that it speaks for: enable principal or beneficiary, or name fiduciaries" -}}
  {{- end -}}
  {{- include "dta.checkReplicas" (list "gateway" .Values.gateway) -}}
  {{- if gt (int .Values.gateway.connectionsPerClient) (int .Values.gateway.connectionsMax) -}}
    {{- fail "gateway.connectionsPerClient is more than gateway.connectionsMax" -}}
  {{- end -}}
  {{- if eq (int .Values.gateway.port) (int .Values.gateway.metrics.port) -}}
    {{- fail (printf "gateway.metrics.port is %d, and so is gateway.port" (int .Values.gateway.port)) -}}
  {{- end -}}
{{- end -}}
{{- if and .Values.networkPolicy.enabled $identities -}}
  {{- $needed := dict "nats" true "postgres" true "kubo" (or .Values.kubo.url .Values.kubo.existingSecret) -}}
  {{- if not .Values.networkPolicy.dns.to -}}
    {{- fail "networkPolicy.dns.to is empty, which would mean everywhere: name the cluster's DNS, by selectors or ipBlock" -}}
  {{- end -}}
  {{- range $what, $isNeeded := $needed -}}
    {{- if and $isNeeded (not (index $root.Values.networkPolicy $what).to) -}}
      {{- fail (printf "networkPolicy.%s.to is empty: say where it is, by selectors or ipBlock, or the roles can't reach it" $what) -}}
    {{- end -}}
  {{- end -}}
  {{- range $at, $url := .Values.nats.urls }}{{ include "dta.checkPort" (list $root "nats" $url (printf "nats.urls[%d]" $at)) }}{{ end -}}
  {{- with .Values.kubo.url }}{{ include "dta.checkPort" (list $root "kubo" . "kubo.url") }}{{ end -}}
  {{- if and .Values.gateway.enabled .Values.tests.gatewayUrl -}}
    {{- if not .Values.networkPolicy.tests.to -}}
      {{- fail "networkPolicy.tests.to is empty: say where tests.gatewayUrl is, by selectors or ipBlock, or helm test can't reach it" -}}
    {{- end -}}
    {{- include "dta.checkPort" (list $root "tests" .Values.tests.gatewayUrl "tests.gatewayUrl") -}}
  {{- end -}}
  {{- if and .Values.gateway.enabled (not .Values.networkPolicy.ingress.from) -}}
    {{- fail "networkPolicy.ingress.from is empty: say where the gateway's clients come from, or none reaches it" -}}
  {{- end -}}
  {{- if and .Values.monitoring.serviceMonitor.enabled (not .Values.networkPolicy.monitoring.from) -}}
    {{- fail "networkPolicy.monitoring.from is empty: say where Prometheus is, or it can't scrape what monitoring.serviceMonitor names" -}}
  {{- end -}}
{{- end -}}
{{- end -}}

{{/* (list where settings) */}}
{{- define "dta.checkReplicas" -}}
{{- $at := index . 0 -}}{{- $set := index . 1 -}}
{{- if $set.autoscaling.enabled -}}
  {{- if gt (int $set.autoscaling.minReplicas) (int $set.autoscaling.maxReplicas) -}}
    {{- fail (printf "%s.autoscaling.minReplicas is %d, more than its maxReplicas, %d" $at (int $set.autoscaling.minReplicas) (int $set.autoscaling.maxReplicas)) -}}
  {{- end -}}
  {{- if gt (int $set.autoscaling.targetCPUUtilizationPercentage) 0 -}}
    {{- if not (dig "requests" "cpu" "" $set.resources) -}}
      {{- fail (printf "%s.autoscaling.targetCPUUtilizationPercentage is a part of resources.requests.cpu, which is missing" $at) -}}
    {{- end -}}
  {{- else if not $set.autoscaling.metrics -}}
    {{- fail (printf "%s.autoscaling.metrics is empty, and its targetCPUUtilizationPercentage is 0: it would scale by nothing" $at) -}}
  {{- end -}}
{{- end -}}
{{- $fewest := include "dta.fewestReplicas" $set | int -}}
{{- if and $set.disruptionBudget.enabled (hasKey $set.disruptionBudget "minAvailable") -}}
  {{- if ge (int $set.disruptionBudget.minAvailable) $fewest -}}
    {{- fail (printf "%s.disruptionBudget.minAvailable is %d of %d replicas: no node with one of them could be drained" $at (int $set.disruptionBudget.minAvailable) $fewest) -}}
  {{- end -}}
{{- end -}}
{{- if and (eq (int $set.rollingUpdate.maxSurge) 0) (eq (int $set.rollingUpdate.maxUnavailable) 0) -}}
  {{- fail (printf "%s.rollingUpdate.maxSurge and maxUnavailable are both 0: no replica could be replaced" $at) -}}
{{- end -}}
{{- end -}}

{{/* (list where settings) */}}
{{- define "dta.checkCustody" -}}
{{- $at := index . 0 -}}{{- $set := index . 1 -}}
{{- $custody := $set.custody -}}
{{- if eq $custody.kind "software" -}}
  {{- if $set.autoscaling.enabled -}}
    {{- fail (printf "%s.autoscaling.enabled is true with software custody, whose file one replica writes: use an HSM (custody.kind: pkcs11)" $at) -}}
  {{- end -}}
  {{- if gt (int $set.replicas) 1 -}}
    {{- fail (printf "%s.replicas is %d with software custody, whose file one replica writes: 1, or an HSM (custody.kind: pkcs11)" $at (int $set.replicas)) -}}
  {{- end -}}
  {{- if $set.keyFile.existingSecret -}}
    {{- fail (printf "%s.keyFile.existingSecret is given with software custody, which keeps its own file beside the key file: leave it out" $at) -}}
  {{- end -}}
{{- else if eq $custody.kind "pkcs11" -}}
  {{- range list "image" "module" "token" -}}
    {{- if not (index $custody.pkcs11 .) -}}
      {{- fail (printf "%s.custody.pkcs11.%s is missing: custody.kind is pkcs11" $at .) -}}
    {{- end -}}
  {{- end -}}
  {{- if not $custody.pkcs11.copy -}}
    {{- fail (printf "%s.custody.pkcs11.copy is empty: say which files of custody.pkcs11.image are the module and its libraries" $at) -}}
  {{- end -}}
{{- else -}}
  {{- if not $custody.provider.name -}}
    {{- fail (printf "%s.custody.provider.name is missing: custody.kind is provider" $at) -}}
  {{- end -}}
  {{- if and (not $set.keyFile.passphrase) (not $set.keyFile.existingSecret) -}}
    {{- fail (printf "%s.keyFile.passphrase is false with custody.kind provider: the Job can't seal a key file by it; use a passphrase, or keyFile.existingSecret" $at) -}}
  {{- end -}}
{{- end -}}
{{- if and (gt (include "dta.mostReplicas" $set | int) 1) (not $set.keyFile.existingSecret) (ne $set.persistence.accessMode "ReadWriteMany") -}}
  {{- fail (printf "%s.persistence.accessMode is %s, which one machine mounts, with up to %s replicas: ReadWriteMany, or the key file in a Secret (keyFile.existingSecret)" $at $set.persistence.accessMode (include "dta.mostReplicas" $set)) -}}
{{- end -}}
{{- if and $set.keyFile.passphrase (eq $custody.kind "pkcs11") $custody.pkcs11.signInToken -}}
  {{- fail (printf "%s.keyFile.passphrase is true with custody.pkcs11.signInToken: a file that names keys of the token is sealed by the token" $at) -}}
{{- end -}}
{{- if and $set.persistence.existingClaim $set.keyFile.existingSecret -}}
  {{- fail (printf "%s.persistence.existingClaim and keyFile.existingSecret are both given: the key file is in one of them" $at) -}}
{{- end -}}
{{- if and $custody.network.to (not $custody.network.ports) -}}
  {{- fail (printf "%s.custody.network.ports is empty: name the HSM's ports" $at) -}}
{{- end -}}
{{- end -}}
