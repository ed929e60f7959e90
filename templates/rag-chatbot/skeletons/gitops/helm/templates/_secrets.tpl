{{/*
The secrets that this release needs, as a list of
  id:        its name in docs/prerequisites.md, in the store and in secrets.existing
  part:      core | model
  data:      key in the Secret -> property in the store
  generated: where the cluster may make it up: key in the Secret -> value
             ("{{ .password }}" is the generated one)
CloudNativePG makes the database's own secret, so it is only here for an external database.
*/}}
{{- define "chatbot.secrets" -}}
{{- if eq .Values.auth.mode "token" }}
- id: auth
  part: core
  data: {AUTH_TOKENS: tokens}
  generated: {AUTH_TOKENS: "{{ "{{ .password }}" }}"}
{{- end }}
- id: documents
  part: core
  data: {MINIO_ACCESS_KEY: access-key, MINIO_SECRET_KEY: secret-key}
  {{- if include "chatbot.storeInCluster" . }}
  generated: {MINIO_ACCESS_KEY: application, MINIO_SECRET_KEY: "{{ "{{ .password }}" }}"}
  {{- end }}
{{- if eq .Values.objectStore.provider "minio" }}
- id: minio-root
  part: core
  data: {MINIO_ROOT_USER: user, MINIO_ROOT_PASSWORD: password}
  generated: {MINIO_ROOT_USER: root, MINIO_ROOT_PASSWORD: "{{ "{{ .password }}" }}"}
{{- end }}
{{- if eq .Values.postgres.mode "external" }}
- id: database
  part: core
  data: {username: username, password: password}
{{- else if .Values.postgres.backup.enabled }}
- id: backup
  part: core
  data: {AWS_ACCESS_KEY_ID: access-key-id, AWS_SECRET_ACCESS_KEY: secret-access-key}
  # CloudNativePG re-reads a Secret with this label when the keys are rotated.
  labels: {cnpg.io/reload: "true"}
{{- end }}
{{- if and (eq .Values.model.mode "external") .Values.model.external.apiKey }}
- id: model-api
  part: core
  data: {LLAMA_API_KEY: api-key}
{{- end }}
{{- if and (eq .Values.embeddings.mode "endpoint") .Values.embeddings.apiKey }}
- id: embeddings-api
  part: core
  data: {EMBEDDINGS_API_KEY: api-key}
{{- end }}
{{- if eq .Values.model.mode "kserve" }}
{{- if hasPrefix "s3://" .Values.model.storage.uri }}
- id: models
  part: model
  data: {AWS_ACCESS_KEY_ID: access-key-id, AWS_SECRET_ACCESS_KEY: secret-access-key}
  # KServe reads the S3 service's address from the Secret.
  annotations:
    serving.kserve.io/s3-region: {{ .Values.model.storage.s3Region }}
    {{- with .Values.model.storage.s3Endpoint }}
    serving.kserve.io/s3-endpoint: {{ (urlParse .).host | quote }}
    serving.kserve.io/s3-usehttps: {{ ternary "1" "0" (hasPrefix "https://" .) | quote }}
    {{- end }}
{{- else if and (hasPrefix "hf://" .Values.model.storage.uri) .Values.model.storage.huggingFaceToken }}
- id: huggingface
  part: model
  data: {HF_TOKEN: token}
{{- end }}
{{- end }}
{{- end }}

{{/*
Comments that name the Secrets which somebody else makes, so that `kickstart validate` does not
miss them: (list $ "core" | "model")
*/}}
{{- define "chatbot.externalSecrets" -}}
{{- $root := index . 0 -}}
{{- $part := index . 1 -}}
{{- range include "chatbot.secrets" $root | fromYamlArray }}
{{- if and (eq .part $part) (or (eq $root.Values.secrets.provider "existing") (get $root.Values.secrets.existing .id)) }}
# kickstart:external Secret/{{ include "chatbot.secretName" (list $root .id) }}
{{- end }}
{{- end }}
{{- end }}

{{/* The name of the Secret with this id: (list $ "id") */}}
{{- define "chatbot.secretName" -}}
{{- $root := index . 0 -}}
{{- $id := index . 1 -}}
{{- if get $root.Values.secrets.existing $id -}}
{{ get $root.Values.secrets.existing $id }}
{{- else if and (eq $id "database") (eq $root.Values.postgres.mode "cnpg") -}}
{{- /* Made by CloudNativePG together with the cluster. */ -}}
{{ include "chatbot.postgres" $root }}-app
{{- else -}}
{{ include "chatbot.fullname" $root }}-{{ $id }}
{{- end -}}
{{- end }}
