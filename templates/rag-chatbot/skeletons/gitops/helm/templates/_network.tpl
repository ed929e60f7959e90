{{/* Where the pods run that bring traffic into the cluster; empty for none. */}}
{{- define "chatbot.entryNamespace" -}}
{{- if eq .Values.exposure.kind "gateway" -}}
{{ .Values.exposure.gateway.namespace }}
{{- else if eq .Values.exposure.kind "istio" -}}
{{ splitList "/" .Values.exposure.istio.gateway | first }}
{{- else if eq .Values.exposure.kind "ingress" -}}
{{ .Values.exposure.ingress.namespace }}
{{- end -}}
{{- end }}

{{/* Peers ------------------------------------------------------------------------------ */}}

{{- define "chatbot.fromPods" -}}
- podSelector:
    matchLabels: {{- include "chatbot.selector" . | nindent 6 }}
{{- end }}

{{- define "chatbot.fromNamespace" -}}
- namespaceSelector:
    matchLabels: {kubernetes.io/metadata.name: {{ . }}}
{{- end }}

{{/* Who calls the pages and the API from outside of this namespace. */}}
{{- define "chatbot.fromEntry" -}}
{{- with include "chatbot.entryNamespace" . }}
{{- include "chatbot.fromNamespace" . }}
{{- end }}
{{- /* Some controllers run an own Gateway's pods beside it, in this namespace. */ -}}
{{- if and (eq .Values.exposure.kind "gateway") .Values.exposure.gateway.create }}
- podSelector:
    matchLabels: {gateway.networking.k8s.io/gateway-name: {{ include "chatbot.fullname" . }}}
{{- end }}
{{- end }}

{{/* Egress to a URL, in the cluster or outside: (list $ "url") */}}
{{- define "chatbot.toUrl" -}}
{{- $root := index . 0 -}}
{{- $host := splitList ":" (urlParse (index . 1)).host | first -}}
{{- if regexMatch "\\.svc(\\.|$)" $host -}}
# A policy sees the pod's port, which a Service's address does not tell: all of that namespace.
- to: {{- include "chatbot.fromNamespace" (index (splitList "." $host) 1) | nindent 4 }}
{{- else -}}
- to:
    {{- range $root.Values.networkPolicy.external }}
    - ipBlock: {{- toYaml . | nindent 8 }}
    {{- end }}
  ports:
    - {protocol: TCP, port: {{ include "chatbot.port" (index . 1) }}}
{{- end -}}
{{- end }}

{{/* The head of a policy on one component: (list $ "component") */}}
{{- define "chatbot.policy" -}}
{{- $root := index . 0 -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ include "chatbot.fullname" $root }}-{{ index . 1 }}
  labels: {{- include "chatbot.labels" . | nindent 4 }}
  annotations: {{- include "chatbot.wave" (list $root "-20") | nindent 4 }}
spec:
  podSelector:
    matchLabels: {{- include "chatbot.selector" . | nindent 6 }}
{{- end }}
