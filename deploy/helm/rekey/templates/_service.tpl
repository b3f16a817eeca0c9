{{/* The objects of one service. Takes root, name and part (its values). */}}
{{- define "rekey.service" -}}
{{- $root := .root -}}
{{- $name := .name -}}
{{- $part := .part -}}
{{- $fullname := printf "%s-%s" (include "rekey.fullname" $root) $name -}}
{{- $isTls := eq $root.Values.transport "tls" -}}
{{- $drain := int $root.Values.drainSeconds -}}
{{- $volumes := include (printf "rekey.volumes.%s" $name) $root | fromYamlArray -}}
{{- $scheme := $isTls | ternary "HTTPS" "HTTP" -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ $fullname }}
  labels: {{- include "rekey.labels" . | nindent 4 }}
automountServiceAccountToken: false
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ $fullname }}
  labels: {{- include "rekey.labels" . | nindent 4 }}
spec:
  {{- if not $part.autoscaling.enabled }}
  replicas: {{ int $part.replicas }}
  {{- end }}
  selector:
    matchLabels: {{- include "rekey.selector" . | nindent 6 }}
  strategy:
    rollingUpdate: { maxUnavailable: 0, maxSurge: 1 }
  template:
    metadata:
      {{- include "rekey.podMetadata" . | nindent 6 }}
    spec:
      serviceAccountName: {{ $fullname }}
      {{- include "rekey.podSecurity" $root | nindent 6 }}
      # The service drains by itself: serves, closes within 8 s, and exports its last traces.
      terminationGracePeriodSeconds: {{ add (mul 2 $drain) 10 }}
      {{- include "rekey.scheduling" . | nindent 6 }}
      topologySpreadConstraints:
        {{- range $key, $when := dict "topology.kubernetes.io/zone" $root.Values.topologySpread.zone "kubernetes.io/hostname" $root.Values.topologySpread.node }}
        - topologyKey: {{ $key }}
          maxSkew: 1
          whenUnsatisfiable: {{ $when }}
          labelSelector:
            matchLabels: {{- include "rekey.selector" (dict "root" $root "name" $name) | nindent 14 }}
          # Pods of the version that is replaced do not count.
          matchLabelKeys: [pod-template-hash]
        {{- end }}
      containers:
        - name: {{ $name }}
          image: {{ include "rekey.image" (dict "root" $root "image" $part.image) }}
          imagePullPolicy: {{ $root.Values.image.pullPolicy }}
          securityContext: {{- include "rekey.containerSecurity" $root | nindent 12 }}
          ports:
            - { name: http, containerPort: 8080 }
            - { name: metrics, containerPort: 9464 }
          env:
            - { name: REKEY_PROFILE, value: production }
            - { name: HOST, value: 0.0.0.0 }
            - { name: PORT, value: "8080" }
            - { name: REKEY_METRICS_HOST, value: 0.0.0.0 }
            - { name: REKEY_METRICS_PORT, value: "9464" }
            - { name: REKEY_DRAIN_SECONDS, value: {{ $drain | quote }} }
            - { name: REKEY_PUBLIC_URL, value: {{ $root.Values.publicUrl | quote }} }
            - { name: REKEY_BRAND, value: {{ $root.Values.brand | quote }} }
            - { name: REKEY_SECRETS_FILE, value: /run/secrets/rekey/{{ $name }}.env }
            {{- include "rekey.brokerEnv" (dict "root" $root "nkey" (printf "%s.nk" $name)) | nindent 12 }}
            {{- include "rekey.authoritiesEnv" $root | nindent 12 }}
            {{- if $isTls }}
            - { name: REKEY_TLS_CERT, value: /run/secrets/rekey-tls/tls.crt }
            - { name: REKEY_TLS_KEY, value: /run/secrets/rekey-tls/tls.key }
            {{- else }}
            - { name: REKEY_ALLOW_PLAINTEXT, value: mesh }
            {{- end }}
            {{- include (printf "rekey.env.%s" $name) $root | nindent 12 }}
            {{- range $variable, $value := $part.env }}
            - { name: {{ $variable }}, value: {{ include "rekey.text" $value | quote }} }
            {{- end }}
          volumeMounts:
            {{- include "rekey.commonMounts" (dict "root" $root) | nindent 12 }}
            {{- range $volumes }}
            - { name: {{ .volume.name }}, mountPath: {{ .mountPath }}, readOnly: true }
            {{- end }}
          resources: {{- toYaml $part.resources | nindent 12 }}
          startupProbe:
            httpGet: { path: /healthz, port: http, scheme: {{ $scheme }} }
            periodSeconds: 2
            timeoutSeconds: 3
            failureThreshold: 60
          livenessProbe:
            httpGet: { path: /healthz, port: http, scheme: {{ $scheme }} }
            periodSeconds: 10
            timeoutSeconds: 3
            failureThreshold: 3
          # A Service must notice within drainSeconds that the pod stops.
          readinessProbe:
            httpGet: { path: /readyz, port: http, scheme: {{ $scheme }} }
            periodSeconds: 1
            timeoutSeconds: 3
            failureThreshold: 1
      volumes:
        {{- include "rekey.commonVolumes" (dict "root" $root "secret" $part.secret) | nindent 8 }}
        {{- range $volumes }}
        - {{- toYaml .volume | nindent 10 }}
        {{- end }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ $fullname }}
  labels: {{- include "rekey.labels" . | nindent 4 }}
spec:
  maxUnavailable: 1
  # A pod that is not ready must not keep a node from being drained.
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels: {{- include "rekey.selector" . | nindent 6 }}
{{- with $part.autoscaling }}
{{- if .enabled }}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {{ $fullname }}
  labels: {{- include "rekey.labels" $ | nindent 4 }}
spec:
  scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: {{ $fullname }} }
  minReplicas: {{ int .minReplicas }}
  maxReplicas: {{ int .maxReplicas }}
  metrics:
    - type: Resource
      resource:
        name: cpu
        target: { type: Utilization, averageUtilization: {{ int .cpuUtilization }} }
    {{- if .hashQueueDepth }}
    - type: Pods
      pods:
        metric: { name: rekey_hash_queue_depth }
        target: { type: AverageValue, averageValue: {{ int .hashQueueDepth | quote }} }
    {{- end }}
  behavior:
    scaleDown: { stabilizationWindowSeconds: 300 }
{{- end }}
{{- end }}
{{- if $root.Values.monitoring.serviceMonitor.enabled }}
---
# A Service of its own: that of customers must not serve metrics.
apiVersion: v1
kind: Service
metadata:
  name: {{ $fullname }}-metrics
  labels:
    {{- include "rekey.labels" . | nindent 4 }}
    rekey/metrics: "true"
spec:
  clusterIP: None
  ports: [{ name: metrics, port: 9464, targetPort: metrics }]
  # An instance that is not ready has metrics, too.
  publishNotReadyAddresses: true
  selector: {{- include "rekey.selector" . | nindent 4 }}
{{- end }}
{{- end }}
