{{/* One rule of egress to servers outside the chart. Takes to (peers, may be empty) and ports. */}}
{{- define "rekey.egress" -}}
- {{ with .to }}to: {{- toYaml . | nindent 4 }}
  {{ end }}ports:
    {{- range .ports }}
    - { port: {{ . }}, protocol: TCP }
    {{- end }}
{{- end }}

{{/* One rule of egress to a service of the chart, and of ingress from one. Takes root and name. */}}
{{- define "rekey.toService" -}}
- to:
    - podSelector:
        matchLabels: {{- include "rekey.selector" . | nindent 10 }}
  ports: [{ port: 8080, protocol: TCP }]
{{- end }}
{{- define "rekey.fromService" -}}
- from:
    - podSelector:
        matchLabels: {{- include "rekey.selector" . | nindent 10 }}
  ports: [{ port: 8080, protocol: TCP }]
{{- end }}

{{/* Takes root. */}}
{{- define "rekey.egressToNats" -}}
{{- $ports := list -}}
{{- range splitList "," .Values.nats.url }}{{ $ports = append $ports (include "rekey.port" . | int) }}{{ end -}}
{{ include "rekey.egress" (dict "to" .Values.nats.to "ports" (uniq $ports)) }}
{{- end }}

{{/* The https servers that a service's URLs name. Takes root and urls, of which empty ones are left out. */}}
{{- define "rekey.egressToUrls" -}}
{{- $ports := list -}}
{{- range compact .urls }}{{ $ports = append $ports (include "rekey.port" . | int) }}{{ end -}}
{{- if $ports }}
{{ include "rekey.egress" (dict "to" .root.Values.networkPolicy.https.to "ports" (uniq $ports)) }}
{{- end }}
{{- end }}

{{/* A policy that denies what it does not name. Takes root, name, hook, metrics (has them), ingress and egress (texts of rules). */}}
{{- define "rekey.policy" -}}
{{- $policy := .root.Values.networkPolicy -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ include "rekey.fullname" .root }}-{{ .name }}
  labels: {{- include "rekey.labels" . | nindent 4 }}
  {{- if .hook }}
  annotations:
    helm.sh/hook: pre-install,pre-upgrade
    helm.sh/hook-weight: "-10"
    helm.sh/hook-delete-policy: before-hook-creation
  {{- end }}
spec:
  podSelector:
    matchLabels: {{- include "rekey.selector" . | nindent 6 }}
  policyTypes: [Ingress, Egress]
  {{- $ingress := list (trim .ingress) }}
  {{- if and .metrics $policy.metrics.from }}
  {{- $ingress = append $ingress (printf "- from: %s\n  ports: [{ port: 9464, protocol: TCP }]" (toYaml $policy.metrics.from | nindent 4)) }}
  {{- end }}
  {{- with $policy.extraIngress }}{{ $ingress = append $ingress (toYaml .) }}{{ end }}
  {{- with compact $ingress }}
  ingress:
    {{- range . }}
    {{- . | nindent 4 }}
    {{- end }}
  {{- else }}
  ingress: []
  {{- end }}
  egress:
    - {{ with $policy.dns.to }}to: {{- toYaml . | nindent 8 }}
      {{ end }}ports: [{ port: 53, protocol: UDP }, { port: 53, protocol: TCP }]
    {{- trim .egress | nindent 4 }}
    {{- with $policy.extraEgress }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}
