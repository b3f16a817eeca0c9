{{/* The longest suffix, -password-service-metrics, has 25 of the 63 characters of a name. */}}
{{- define "rekey.fullname" -}}
{{- if contains "rekey" .Release.Name }}{{ .Release.Name | trunc 38 | trimSuffix "-" }}{{ else }}{{ printf "%s-rekey" (.Release.Name | trunc 32 | trimSuffix "-") }}{{ end }}
{{- end }}

{{/* Labels by which a Service, a policy and a Deployment find pods: they never change. Takes root and name. */}}
{{- define "rekey.selector" -}}
app.kubernetes.io/name: rekey
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .name }}
{{- end }}

{{- define "rekey.labels" -}}
{{ include "rekey.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end }}

{{/* Takes root and image. */}}
{{- define "rekey.image" -}}
{{- $all := .root.Values.image -}}
{{ $all.registry }}/{{ .image.repository }}{{ if .image.digest }}@{{ .image.digest }}{{ else }}:{{ .image.tag | default $all.tag | default .root.Chart.AppVersion }}{{ end }}
{{- end }}

{{/* Origin of a service for the others. Takes root and name. */}}
{{- define "rekey.origin" -}}
{{ eq .root.Values.transport "tls" | ternary "https" "http" }}://{{ include "rekey.fullname" .root }}-{{ .name }}.{{ .root.Release.Namespace }}.svc:8080
{{- end }}

{{/* Values are numbers to Helm, which would print 86400000 as 8.64e+07. */}}
{{- define "rekey.text" -}}
{{- if kindIs "float64" . }}{{ if eq (floor .) . }}{{ printf "%.0f" . }}{{ else }}{{ . }}{{ end }}{{ else }}{{ . }}{{ end }}
{{- end }}

{{/* Port of a URL, or that of its scheme. */}}
{{- define "rekey.port" -}}
{{- $url := urlParse . -}}
{{- $port := regexFind ":[0-9]+$" $url.host | trimPrefix ":" -}}
{{ $port | default (eq $url.scheme "http" | ternary "80" "443") }}
{{- end }}
