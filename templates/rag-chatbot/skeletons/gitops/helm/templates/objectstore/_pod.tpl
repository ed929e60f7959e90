{{/* The head and the tail of the store's StatefulSet, whichever program runs in it. */}}
{{- define "chatbot.storeHead" -}}
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: {{ include "chatbot.s3" . }}
  labels: {{- include "chatbot.labels" (list . "s3") | nindent 4 }}
  annotations:
    {{- include "chatbot.wave" (list $ "0") | nindent 4 }}
    {{- if and .Values.objectStore.persistence.enabled .Values.objectStore.persistence.guard }}
    {{- include "chatbot.guard" . | nindent 4 }}
    {{- end }}
{{- end }}

{{- define "chatbot.storeVolumes" -}}
- name: tmp
  emptyDir: {sizeLimit: 256Mi}
{{- if not .Values.objectStore.persistence.enabled }}
- name: data
  emptyDir: {sizeLimit: {{ .Values.objectStore.persistence.size }}}
{{- end }}
{{- end }}

{{- define "chatbot.storeClaims" -}}
{{- if .Values.objectStore.persistence.enabled }}
# The volume stays when the set goes: documents are deleted on purpose only.
persistentVolumeClaimRetentionPolicy: {whenDeleted: Retain, whenScaled: Retain}
volumeClaimTemplates:
  # Fields of a claim that the API server fills in are written out, or Argo CD sees a difference.
  - apiVersion: v1
    kind: PersistentVolumeClaim
    metadata:
      name: data
    spec:
      accessModes: [ReadWriteOnce]
      volumeMode: Filesystem
      {{- with .Values.objectStore.persistence.className }}
      storageClassName: {{ . }}
      {{- end }}
      resources:
        requests:
          storage: {{ .Values.objectStore.persistence.size }}
{{- end }}
{{- end }}
