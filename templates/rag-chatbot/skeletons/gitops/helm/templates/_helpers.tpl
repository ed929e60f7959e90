{{/* Names ------------------------------------------------------------------------------ */}}

{{/* Base of all names. 53 leaves Kubernetes' 63 room for the suffixes below. */}}
{{- define "chatbot.fullname" -}}
{{- .Values.fullnameOverride | default .Release.Name | trunc 53 | trimSuffix "-" -}}
{{- end }}

{{- define "chatbot.postgres" -}}{{ include "chatbot.fullname" . }}-pg{{- end }}
{{- define "chatbot.s3" -}}{{ include "chatbot.fullname" . }}-s3{{- end }}
{{- define "chatbot.model" -}}{{ include "chatbot.fullname" . }}-model{{- end }}

{{/* Labels: (list $ "component") -------------------------------------------------------- */}}

{{- define "chatbot.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ $root.Chart.Name }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{- define "chatbot.labels" -}}
{{- $root := index . 0 -}}
{{ include "chatbot.selector" . }}
app.kubernetes.io/part-of: {{ $root.Chart.Name }}
app.kubernetes.io/version: {{ $root.Values.image.tag | default $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- with $root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Toggles: print something when on ---------------------------------------------------- */}}

{{- define "chatbot.core" -}}{{ if ne .Values.components "model" }}on{{ end }}{{- end }}

{{- define "chatbot.kserve" -}}
{{ if and (ne .Values.components "core") (eq .Values.model.mode "kserve") }}on{{ end }}
{{- end }}

{{- define "chatbot.storeInCluster" -}}{{ if ne .Values.objectStore.provider "external" }}on{{ end }}{{- end }}

{{/* More than one pod of the application, now or after scaling. */}}
{{- define "chatbot.manyPods" -}}
{{- $least := ternary .Values.app.replicas .Values.autoscaling.minReplicas (eq .Values.autoscaling.kind "none") -}}
{{ if gt (int $least) 1 }}on{{ end }}
{{- end }}

{{/* Images: a digest wins, then the tag, then the default: (list image default) ---------- */}}

{{- define "chatbot.image" -}}
{{- $image := index . 0 -}}
{{- if $image.digest -}}
{{ $image.repository }}@{{ $image.digest }}
{{- else -}}
{{ $image.repository }}:{{ $image.tag | default (index . 1) }}
{{- end -}}
{{- end }}

{{- define "chatbot.appImage" -}}{{ include "chatbot.image" (list .Values.image .Chart.AppVersion) }}{{- end }}

{{/* What to do while the pipeline has not written a digest yet. */}}
{{- define "chatbot.imageHint" -}}
no digest in helm/images/{{ .Values.environment }}.yaml yet, tag {{ .Values.image.tag | default .Chart.AppVersion }} is pulled; the pipeline of {{ index .Chart.Sources 0 }} writes it with its first build
{{- end }}

{{/* Security: what Pod Security "restricted" asks for ------------------------------------ */}}

{{- define "chatbot.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
# Large volumes would otherwise be re-owned file by file at every start.
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "chatbot.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* Addresses -------------------------------------------------------------------------- */}}

{{- define "chatbot.url" -}}
{{ ternary "https" "http" .Values.tls.enabled }}://{{ .Values.exposure.host }}
{{- end }}

{{- define "chatbot.tlsSecret" -}}
{{ .Values.tls.secretName | default (printf "%s-tls" (include "chatbot.fullname" .)) }}
{{- end }}

{{- define "chatbot.postgresHost" -}}
{{- if eq .Values.postgres.mode "external" -}}
{{ .Values.postgres.external.host }}
{{- else -}}
{{ include "chatbot.postgres" . }}-rw
{{- end -}}
{{- end }}

{{- define "chatbot.s3Endpoint" -}}
{{- if include "chatbot.storeInCluster" . -}}
http://{{ include "chatbot.s3" . }}:9000
{{- else -}}
{{ .Values.objectStore.external.endpoint }}
{{- end -}}
{{- end }}

{{- define "chatbot.modelEndpoint" -}}
{{- if eq .Values.model.mode "external" -}}
{{ .Values.model.external.endpoint }}
{{- else if eq .Values.model.mode "mock" -}}
{{- /* Empty: the application answers with quoted passages. */ -}}
{{- else if eq .Values.model.kind "LLMInferenceService" -}}
{{ .Values.model.llm.gatewayUrl }}/{{ .Release.Namespace }}/{{ include "chatbot.model" . }}
{{- else -}}
http://{{ include "chatbot.model" . }}-predictor
{{- end -}}
{{- end }}

{{/* The port of a URL: its own, or the scheme's. */}}
{{- define "chatbot.port" -}}
{{- $url := urlParse . -}}
{{- if contains ":" $url.host -}}
{{ splitList ":" $url.host | last }}
{{- else -}}
{{ ternary "80" "443" (eq $url.scheme "http") }}
{{- end -}}
{{- end }}

{{/* Pods of the application's image ------------------------------------------------------ */}}

{{- define "chatbot.pullSecrets" -}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
{{- range . }}
  - name: {{ . }}
{{- end }}
{{- end }}
{{- end }}

{{/* Environment from secrets; ConfigMap and Secrets together are the whole contract. */}}
{{- define "chatbot.secretEnv" -}}
{{- $postgres := include "chatbot.secretName" (list . "database") -}}
- name: PGVECTOR_USER
  valueFrom: {secretKeyRef: {name: {{ $postgres }}, key: username}}
- name: PGVECTOR_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ $postgres }}, key: password}}
- name: MINIO_ACCESS_KEY
  valueFrom: {secretKeyRef: {name: {{ include "chatbot.secretName" (list . "documents") }}, key: MINIO_ACCESS_KEY}}
- name: MINIO_SECRET_KEY
  valueFrom: {secretKeyRef: {name: {{ include "chatbot.secretName" (list . "documents") }}, key: MINIO_SECRET_KEY}}
{{- if eq .Values.auth.mode "token" }}
- name: AUTH_TOKENS
  valueFrom: {secretKeyRef: {name: {{ include "chatbot.secretName" (list . "auth") }}, key: AUTH_TOKENS}}
{{- end }}
{{- if and (eq .Values.model.mode "external") .Values.model.external.apiKey }}
- name: LLAMA_API_KEY
  valueFrom: {secretKeyRef: {name: {{ include "chatbot.secretName" (list . "model-api") }}, key: LLAMA_API_KEY}}
{{- end }}
{{- if and (eq .Values.embeddings.mode "endpoint") .Values.embeddings.apiKey }}
- name: EMBEDDINGS_API_KEY
  valueFrom: {secretKeyRef: {name: {{ include "chatbot.secretName" (list . "embeddings-api") }}, key: EMBEDDINGS_API_KEY}}
{{- end }}
{{- end }}

{{/* The secret with the database's CA; empty where the image's own bundle has it. */}}
{{- define "chatbot.postgresCA" -}}
{{- if eq .Values.postgres.mode "external" -}}
{{ .Values.postgres.external.caSecret }}
{{- else -}}
{{ include "chatbot.postgres" . }}-ca
{{- end -}}
{{- end }}

{{- define "chatbot.mounts" -}}
- {name: tmp, mountPath: /tmp}
{{- if include "chatbot.postgresCA" . }}
- {name: postgres-ca, mountPath: /etc/postgres-ca, readOnly: true}
{{- end }}
{{- end }}

{{- define "chatbot.volumes" -}}
- name: tmp
  emptyDir: {sizeLimit: 1Gi}
{{- with include "chatbot.postgresCA" . }}
- name: postgres-ca
  secret:
    secretName: {{ . }}
    # Only the certificate: the private key of the CA stays where it is.
    items: [{key: ca.crt, path: ca.crt}]
{{- end }}
{{- end }}

{{/* Spreads the pods of one component over zones and nodes: (list $ "component") */}}
{{- define "chatbot.spread" -}}
{{- $selector := include "chatbot.selector" . -}}
{{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
- maxSkew: 1
  topologyKey: {{ . }}
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels: {{- $selector | nindent 6 }}
  # Counts the pods of this revision only, or an update spreads round its predecessor.
  matchLabelKeys: [pod-template-hash]
{{- end }}
{{- end }}

{{/* Argo CD --------------------------------------------------------------------------- */}}

{{/* The order of a sync, if there is one: (list $ "20"). See docs/promotion.md. */}}
{{- define "chatbot.wave" -}}
argocd.argoproj.io/sync-wave: {{ ternary (index . 1) "0" (index . 0).Values.sync.ordered | quote }}
{{- end }}

{{/* On a Job that has to be done before the next wave: (list $ "10"). */}}
{{- define "chatbot.syncJob" -}}
{{- include "chatbot.wave" . }}
{{- if (index . 0).Values.sync.ordered }}
argocd.argoproj.io/hook: Sync
argocd.argoproj.io/hook-delete-policy: BeforeHookCreation,HookSucceeded
{{- end }}
{{- end }}

{{/* On objects that own data: no typo in a values file may delete them. */}}
{{- define "chatbot.guard" -}}
argocd.argoproj.io/sync-options: Prune=confirm,Delete=confirm
{{- end }}
