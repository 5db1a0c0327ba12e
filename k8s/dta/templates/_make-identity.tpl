{{/* The pod that makes an identity's keys where they live. (list root identity) */}}
{{- define "dta.makeIdentity" -}}
{{- $root := index . 0 -}}{{- $identity := index . 1 -}}{{- $set := $identity.set -}}
{{- $keySecrets := include "dta.keySecrets" $set -}}
{{- if $set.keyFile.recovery }}{{ $keySecrets = printf "%s\n- { key: recovery-passphrase, path: recovery-passphrase }" $keySecrets }}{{ end -}}
metadata:
  labels:
    {{- include "dta.selector" $root | nindent 4 }}
    app.kubernetes.io/component: identity
    dta/identity: {{ $identity.name | quote }}
spec:
  restartPolicy: Never
  serviceAccountName: {{ include "dta.serviceAccount" $root }}
  {{- include "dta.podSecurity" $root | nindent 2 }}
  {{- include "dta.machines" $set | nindent 2 }}
  {{- include "dta.custodyInit" $set | nindent 2 }}
  containers:
    - name: identity
      image: {{ include "dta.image" (list $root $root.Values.cliImage) | quote }}
      imagePullPolicy: {{ $root.Values.cliImage.pullPolicy }}
      command:
        - sh
        - -c
        - | {{- $root.Files.Get "files/make-identity.sh" | nindent 10 }}
      {{- include "dta.containerSecurity" $root | nindent 6 }}
      env:
        - { name: NAME, value: {{ $identity.called }} }
        - { name: ROLE, value: {{ $identity.role }} }
        - { name: STATE, value: /state }
        - { name: SEALED_BY, value: {{ ternary "passphrase" $set.custody.kind $set.keyFile.passphrase }} }
        {{- if $set.keyFile.passphrase }}
        - { name: KEY_PASSPHRASE_FILE, value: /secrets/key-passphrase }
        {{- end }}
        {{- if $set.keyFile.recovery }}
        - { name: RECOVERY_PASSPHRASE_FILE, value: /secrets/recovery-passphrase }
        {{- end }}
        {{- if and (eq $set.custody.kind "pkcs11") $set.custody.pkcs11.signInToken }}
        - { name: SIGN_IN_TOKEN, value: 'yes' }
        {{- end }}
        {{- include "dta.custodyEnvironment" (list $root $set) | nindent 8 }}
      resources: {{- toYaml $root.Values.makeIdentities.resources | nindent 8 }}
      volumeMounts:
        - { name: state, mountPath: /state }
        {{- if $keySecrets }}
        - { name: secrets, mountPath: /secrets, readOnly: true }
        {{- end }}
        {{- include "dta.custodyMounts" $set | nindent 8 }}
  volumes:
    - name: state
      persistentVolumeClaim: { claimName: {{ $set.persistence.existingClaim | default $identity.fullname }} }
    {{- if $keySecrets }}
    - name: secrets
      secret:
        secretName: {{ $set.existingSecret }}
        defaultMode: 0440
        items: {{- $keySecrets | nindent 10 }}
    {{- end }}
    {{- include "dta.custodyVolumes" $set | nindent 4 }}
{{- end -}}
