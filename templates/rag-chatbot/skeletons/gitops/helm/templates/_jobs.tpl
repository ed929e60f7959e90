{{/* A pod that runs one command of the application's image and ends:
     (dict "root" $ "name" "migrate" "command" (list ...)) */}}
{{- define "chatbot.taskPod" -}}
{{- $root := .root -}}
metadata:
  labels: {{- include "chatbot.selector" (list $root "jobs") | nindent 4 }}
spec: {{- include "chatbot.taskSpec" . | nindent 2 }}
{{- end }}

{{- define "chatbot.taskSpec" -}}
{{- $root := .root -}}
restartPolicy: Never
serviceAccountName: {{ include "chatbot.fullname" $root }}-jobs
automountServiceAccountToken: false
enableServiceLinks: false
{{- include "chatbot.pullSecrets" $root }}
securityContext: {{- include "chatbot.podSecurity" $root | nindent 2 }}
containers:
  - name: {{ .name }}
    image: {{ include "chatbot.appImage" $root }}
    imagePullPolicy: {{ $root.Values.image.pullPolicy }}
    command: {{- toYaml .command | nindent 6 }}
    {{- with .env }}
    {{- . | nindent 4 }}
    {{- end }}
    resources:
      requests: {cpu: 50m, memory: 128Mi}
      limits: {memory: 512Mi}
    securityContext: {{- include "chatbot.containerSecurity" $root | nindent 6 }}
    volumeMounts: {{- include "chatbot.mounts" $root | nindent 6 }}
volumes: {{- include "chatbot.volumes" $root | nindent 2 }}
{{- end }}

{{/* Asks what a user would ask first. Python is in the application's image: no further image. */}}
{{- define "chatbot.smokeCommand" -}}
- python
- -c
- |
  import sys, time, urllib.request

  for url in sys.argv[1:]:
      for attempt in range(30):
          try:
              with urllib.request.urlopen(url, timeout=5) as answer:
                  print(url, answer.status)
                  break
          except OSError as error:
              print(url, error)
              time.sleep(2)
      else:
          sys.exit(f"{url} never answered")
# Ready means: database, index and bucket are reached.
- http://{{ include "chatbot.fullname" . }}-app/readyz
{{- if .Values.frontend.enabled }}
- http://{{ include "chatbot.fullname" . }}-frontend/healthz
{{- end }}
{{- end }}
