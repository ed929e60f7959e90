{{/* What InferenceService and LLMInferenceService share: where the pods run, and as whom. */}}
{{- define "chatbot.modelPod" -}}
serviceAccountName: {{ include "chatbot.model" . }}
automountServiceAccountToken: false
# UID 2000 is the user that the vLLM image brings (vllm-project/vllm#40275).
securityContext:
  runAsNonRoot: true
  runAsUser: 2000
  runAsGroup: 2000
  fsGroup: 2000
  seccompProfile: {type: RuntimeDefault}
nodeSelector:
  {{- toYaml .Values.model.gpu.nodeSelector | nindent 2 }}
  {{- with .Values.model.gpu.product }}
  nvidia.com/gpu.product: {{ . | quote }}
  {{- end }}
{{- with .Values.model.gpu.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* GPUs belong into the limits; the request follows by itself. */}}
{{- define "chatbot.modelResources" -}}
requests:
  {{- toYaml .Values.model.resources.requests | nindent 2 }}
  nvidia.com/gpu: {{ .Values.model.gpu.count | quote }}
limits:
  {{- toYaml .Values.model.resources.limits | nindent 2 }}
  nvidia.com/gpu: {{ .Values.model.gpu.count | quote }}
{{- end }}

{{- define "chatbot.modelArgs" -}}
- --served-model-name={{ .Values.model.name }}
{{- if gt (int .Values.model.gpu.count) 1 }}
- --tensor-parallel-size={{ .Values.model.gpu.count }}
{{- end }}
{{- with .Values.model.args }}
{{ toYaml . }}
{{- end }}
{{- end }}
