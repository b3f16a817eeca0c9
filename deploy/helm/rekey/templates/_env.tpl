{{/* Variables of one service beside those of all. Each takes the root. */}}

{{- define "rekey.env.auth-gateway" -}}
- { name: REKEY_CONTACT, value: {{ .Values.contact | quote }} }
- { name: REKEY_CLIENTS_FILE, value: /etc/rekey/clients/clients.json }
- { name: REKEY_SIGNING_KEYS_FILE, value: /run/secrets/rekey/signing-keys.json }
- { name: REKEY_PASSWORD_SERVICE_URL, value: {{ include "rekey.origin" (dict "root" . "name" "password-service") | quote }} }
- { name: REKEY_TRUSTED_PROXIES, value: {{ .Values.authGateway.trustedProxies | quote }} }
{{- if .Values.theme.configMap }}
- { name: REKEY_THEME_DIR, value: /etc/rekey/theme }
{{- end }}
{{- if eq .Values.transport "tls" }}
- { name: REKEY_TLS_CA, value: /run/secrets/rekey-peer/ca.crt }
- { name: REKEY_TLS_CLIENT_CERT, value: /run/secrets/rekey-client/tls.crt }
- { name: REKEY_TLS_CLIENT_KEY, value: /run/secrets/rekey-client/tls.key }
{{- end }}
{{- end }}

{{- define "rekey.env.password-service" -}}
{{- $gateway := include "rekey.origin" (dict "root" . "name" "auth-gateway") -}}
- { name: REKEY_JWKS_URL, value: {{ printf "%s/.well-known/jwks.json" $gateway | quote }} }
- { name: REKEY_TRUSTED_PROXIES, value: {{ .Values.passwordService.trustedProxies | quote }} }
- { name: REKEY_RESTORE_PROOFS, value: {{ .Values.passwordService.restoreProofs | quote }} }
- { name: REKEY_SMS_CODES, value: {{ ternary "true" "false" (ne .Values.notifier.smsUrl "") | quote }} }
{{- with .Values.passwordService.env.REKEY_HASH_CONCURRENCY }}
{{- if gt (int .) 3 }}
# A hash takes a thread of libuv's pool, which has four; one more signs and verifies tokens.
- { name: UV_THREADPOOL_SIZE, value: {{ add1 (int .) | quote }} }
{{- end }}
{{- end }}
{{- if eq .Values.transport "tls" }}
- { name: REKEY_TLS_CA, value: /run/secrets/rekey-peer/ca.crt }
- { name: REKEY_TLS_CLIENT_CA, value: /run/secrets/rekey-client/ca.crt }
{{- end }}
{{- end }}

{{- define "rekey.env.notifier" -}}
{{- with .Values.notifier.bounceDomain }}
- { name: REKEY_BOUNCE_DOMAIN, value: {{ . | quote }} }
- { name: REKEY_BOUNCE_PORT, value: "2525" }
{{- end }}
- { name: REKEY_CONTACT, value: {{ .Values.contact | quote }} }
- { name: REKEY_MAIL_FROM, value: {{ .Values.notifier.mailFrom | quote }} }
{{- with .Values.notifier.smsUrl }}
- { name: REKEY_SMS_URL, value: {{ . | quote }} }
{{- end }}
{{- if .Values.theme.configMap }}
- { name: REKEY_THEME_DIR, value: /etc/rekey/theme }
{{- end }}
{{- end }}

{{/* Folders of one service beside those of all: name of the volume, folder, and the volume. Each takes the root. */}}

{{- define "rekey.volumes.theme" -}}
{{- with .Values.theme }}
{{- if .configMap }}
- mountPath: /etc/rekey/theme
  volume:
    name: theme
    configMap:
      name: {{ .configMap }}
      {{- with .items }}
      items: {{- toYaml . | nindent 8 }}
      {{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* Single files of a Secret of certificates. Takes folder, secret and keys. */}}
{{- define "rekey.volumes.certificate" -}}
- mountPath: /run/secrets/{{ .folder }}
  volume:
    name: {{ .folder }}
    secret:
      secretName: {{ .secret }}
      defaultMode: 0440
      items:
        {{- range .keys }}
        - { key: {{ . }}, path: {{ . }} }
        {{- end }}
{{- end }}

{{- define "rekey.volumes.auth-gateway" -}}
{{- $tls := .Values.tls -}}
- mountPath: /etc/rekey/clients
  volume:
    name: clients
    configMap: { name: {{ include "rekey.fullname" . }}-clients }
{{- include "rekey.volumes.theme" . }}
{{- if eq .Values.transport "tls" }}
{{ include "rekey.volumes.certificate" (dict "folder" "rekey-tls" "secret" $tls.authGateway "keys" (list "tls.crt" "tls.key")) }}
{{ include "rekey.volumes.certificate" (dict "folder" "rekey-client" "secret" $tls.gatewayClient "keys" (list "tls.crt" "tls.key")) }}
{{ include "rekey.volumes.certificate" (dict "folder" "rekey-peer" "secret" $tls.passwordService "keys" (list "ca.crt")) }}
{{- end }}
{{- end }}

{{- define "rekey.volumes.password-service" -}}
{{- $tls := .Values.tls -}}
{{- if eq .Values.transport "tls" }}
{{ include "rekey.volumes.certificate" (dict "folder" "rekey-tls" "secret" $tls.passwordService "keys" (list "tls.crt" "tls.key")) }}
{{ include "rekey.volumes.certificate" (dict "folder" "rekey-client" "secret" $tls.gatewayClient "keys" (list "ca.crt")) }}
{{ include "rekey.volumes.certificate" (dict "folder" "rekey-peer" "secret" $tls.authGateway "keys" (list "ca.crt")) }}
{{- end }}
{{- end }}

{{- define "rekey.volumes.notifier" -}}
{{- include "rekey.volumes.theme" . }}
{{- if eq .Values.transport "tls" }}
{{ include "rekey.volumes.certificate" (dict "folder" "rekey-tls" "secret" .Values.tls.notifier "keys" (list "tls.crt" "tls.key")) }}
{{- end }}
{{- end }}
