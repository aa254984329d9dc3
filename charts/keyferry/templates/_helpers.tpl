{{- define "keyferry.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "keyferry.fullname" -}}
{{- $name := include "keyferry.name" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "keyferry.namespace" -}}
{{- .Values.namespaceOverride | default .Release.Namespace }}
{{- end }}

{{- define "keyferry.selectorLabels" -}}
app.kubernetes.io/name: {{ include "keyferry.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "keyferry.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "keyferry.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* The same with labels of one object, which win over commonLabels but not over what selects Pods. */}}
{{- define "keyferry.labelsWith" -}}
{{- merge (include "keyferry.selectorLabels" .root | fromYaml) .extra (include "keyferry.labels" .root | fromYaml) | toYaml }}
{{- end }}

{{- define "keyferry.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- .Values.serviceAccount.name | default (include "keyferry.fullname" .) }}
{{- else }}
{{- .Values.serviceAccount.name | default "default" }}
{{- end }}
{{- end }}

{{- define "keyferry.image" -}}
{{- $repository := .Values.image.repository }}
{{- with .Values.global.repository }}
{{- $repository = printf "%s/%s" (trimSuffix "/" .) $repository }}
{{- end }}
{{- if .Values.image.digest }}
{{- printf "%s@%s" $repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" $repository (.Values.image.tag | default .Chart.AppVersion) }}
{{- end }}
{{- end }}

{{/* The namespaces that are served, as {"namespaces": […]}; empty means all. */}}
{{- define "keyferry.served" -}}
{{- $namespaces := list }}
{{- if and .Values.watchNamespaces (or .Values.scopedNamespace .Values.scopedRBAC) }}
{{- fail "watchNamespaces serves several namespaces, scopedNamespace and scopedRBAC serve one: set the one or the other" }}
{{- end }}
{{- if .Values.watchNamespaces }}
{{- $namespaces = .Values.watchNamespaces | uniq | sortAlpha }}
{{- else if .Values.scopedNamespace }}
{{- $namespaces = list .Values.scopedNamespace }}
{{- else if .Values.scopedRBAC }}
{{- $namespaces = list (include "keyferry.namespace" .) }}
{{- end }}
{{- dict "namespaces" $namespaces | toJson }}
{{- end }}

{{/* "true" where Roles take the place of the ClusterRole. */}}
{{- define "keyferry.rolesOnly" -}}
{{- if or .Values.watchNamespaces .Values.scopedRBAC }}true{{ end }}
{{- end }}

{{/* A security context without `enabled`, and without ids where OpenShift gives them. */}}
{{- define "keyferry.securityContext" -}}
{{- $context := omit .context "enabled" }}
{{- $adapt := .root.Values.global.compatibility.openshift.adaptSecurityContext }}
{{- if or (eq $adapt "force") (and (eq $adapt "auto") (.root.Capabilities.APIVersions.Has "security.openshift.io/v1")) }}
{{- $context = omit $context "runAsUser" "runAsGroup" "fsGroup" }}
{{- end }}
{{- toYaml $context }}
{{- end }}

{{/* Whether a kind of Prometheus' operator is rendered: "true" or nothing. */}}
{{- define "keyferry.monitoring" -}}
{{- $there := .root.Capabilities.APIVersions.Has (printf "monitoring.coreos.com/v1/%s" .kind) }}
{{- if .values.enabled }}
{{- if or $there (eq .values.renderMode "alwaysRender") }}true
{{- else if eq .values.renderMode "failIfMissing" }}
{{- fail (printf "the cluster has no kind %s: install Prometheus' operator, or set renderMode to skipIfMissing" .kind) }}
{{- end }}
{{- end }}
{{- end }}

{{/* ESO's values that were given and mean nothing here, as a JSON list of paths. */}}
{{- define "keyferry.ignored" -}}
{{- $given := list }}
{{- range list
  "concurrent" "extendedMetricLabels" "openshiftFinalizers" "systemAuthDelegator" "enableHTTP2" "vault" "service" "webhook"
  "certController" "bitwarden-sdk-server" "processClusterPushSecret" "processPushSecret" "processClusterGenerator"
  "image.flavour" "log.timeEncoding" "metrics.listen.auth" "metrics.listen.secure" "crds.conversion"
  "crds.unsafeServeV1Beta1" "crds.createSecretStore" "crds.createPushSecret" "crds.createClusterPushSecret" }}
{{- $at := $.Values }}
{{- range splitList "." . }}
{{- $at = kindIs "map" $at | ternary (index $at .) nil }}
{{- end }}
{{- if not (kindIs "invalid" $at) }}
{{- $given = append $given . }}
{{- end }}
{{- end }}
{{- toJson $given }}
{{- end }}
