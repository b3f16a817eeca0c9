{{/* The restricted level of the Pod Security Standards. The user of the images is 1000. */}}
{{- define "rekey.podSecurity" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 1000
  runAsGroup: 1000
  # Files of Secrets belong to root and this group.
  fsGroup: 1000
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- define "rekey.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}

{{/* Where pods may run. Takes root and part. */}}
{{- define "rekey.scheduling" -}}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .part.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .part.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .part.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .part.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{/* Metadata of pods. Takes root, name and part. */}}
{{- define "rekey.podMetadata" -}}
labels:
  {{- include "rekey.labels" . | nindent 2 }}
  {{- $own := include "rekey.labels" . | fromYaml }}
  {{- range $key, $value := .part.podLabels }}
  {{- if not (hasKey $own $key) }}
  {{ $key }}: {{ $value | quote }}
  {{- end }}
  {{- end }}
{{- with .part.podAnnotations }}
annotations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* How every part reaches the broker, and whom it trusts. Takes root and nkey. */}}
{{- define "rekey.brokerEnv" -}}
- { name: NATS_URL, value: {{ .root.Values.nats.url | quote }} }
- { name: NATS_NKEY_FILE, value: /run/secrets/rekey/{{ .nkey }} }
{{- if .root.Values.authorities.configMap }}
- { name: NATS_CA_FILE, value: /etc/rekey/authorities/{{ .root.Values.authorities.key }} }
{{- end }}
{{- end }}

{{- define "rekey.authoritiesEnv" -}}
{{- if .Values.authorities.configMap }}
- { name: NODE_EXTRA_CA_CERTS, value: /etc/rekey/authorities/{{ .Values.authorities.key }} }
{{- end }}
{{- end }}

{{/* Mounts of every container, and their volumes. Takes root and secret. */}}
{{- define "rekey.commonMounts" -}}
- { name: secrets, mountPath: /run/secrets/rekey, readOnly: true }
- { name: tmp, mountPath: /tmp }
{{- if .root.Values.authorities.configMap }}
- { name: authorities, mountPath: /etc/rekey/authorities, readOnly: true }
{{- end }}
{{- end }}

{{- define "rekey.commonVolumes" -}}
# Owner and group alone may read them: production refuses other modes.
- name: secrets
  secret: { secretName: {{ .secret }}, defaultMode: 0440 }
- name: tmp
  emptyDir: { sizeLimit: 64Mi }
{{- if .root.Values.authorities.configMap }}
- name: authorities
  configMap: { name: {{ .root.Values.authorities.configMap }} }
{{- end }}
{{- end }}
