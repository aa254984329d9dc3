//! An example for every field: from its schema where that tells one, else from the table below.
//!
//! Examples live here and not in the CRDs, which the API server keeps and every client loads.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray,
};
use serde_json::{Map, Value, json};

/// By the end of a field's path, in whole steps; the longest one that fits counts. What is no text is JSON.
pub(super) const TABLE: &[(&str, &str)] = &[
    // Who reads.
    ("accessKeyIDSecretRef.name", "aws-credentials"),
    ("accessKeyIDSecretRef.key", "access-key-id"),
    ("accessKeyIDSecretRef.namespace", "shop"),
    ("secretAccessKeySecretRef.name", "aws-credentials"),
    ("secretAccessKeySecretRef.key", "secret-access-key"),
    ("secretAccessKeySecretRef.namespace", "shop"),
    ("sessionTokenSecretRef.name", "aws-credentials"),
    ("sessionTokenSecretRef.key", "session-token"),
    ("sessionTokenSecretRef.namespace", "shop"),
    (
        "auth.secretRef",
        r#"{"accessKeyIDSecretRef": {"name": "aws-credentials", "key": "access-key-id"}, "secretAccessKeySecretRef": {"name": "aws-credentials", "key": "secret-access-key"}}"#,
    ),
    ("serviceAccountRef.name", "shop-reader"),
    ("serviceAccountRef.namespace", "shop"),
    ("serviceAccountRef.audiences", r#"["sts.example.com"]"#),
    ("additionalRoles", r#"["arn:aws:iam::111122223333:role/hub"]"#),
    ("role", "arn:aws:iam::444455556666:role/shop-reader"),
    ("externalID", "shop"),
    ("sessionTags[].key", "team"),
    ("sessionTags[].value", "shop"),
    ("customSessionTags", r#"{"team": "shop"}"#),
    ("transitiveTagKeys", r#"["team"]"#),
    // Stores.
    ("controller", "team-a"),
    ("aws.service", "SecretsManager"),
    ("aws.prefix", "shop/"),
    ("recoveryWindowInDays", "7"),
    ("maxRetries", "5"),
    ("retrySettings", r#"{"maxRetries": 5, "retryInterval": "500ms"}"#),
    ("namespaceRegexes", r#"["^team-.*-production$"]"#),
    // Namespaces.
    ("namespaces", r#"["shop", "warehouse"]"#),
    ("namespaceSelector", r#"{"matchLabels": {"team": "shop"}}"#),
    ("namespaceSelectors", r#"[{"matchLabels": {"team": "shop"}}]"#),
    ("conditions", r#"[{"namespaces": ["shop", "warehouse"]}]"#),
    ("matchLabels", r#"{"team": "shop"}"#),
    ("matchExpressions[].key", "team"),
    ("matchExpressions[].operator", "In"),
    ("matchExpressions[].values", r#"["shop", "warehouse"]"#),
    ("externalSecretName", "registry"),
    ("externalSecretMetadata.labels", r#"{"app": "registry"}"#),
    (
        "externalSecretMetadata.annotations",
        r#"{"example.com/owner": "platform"}"#,
    ),
    (
        "externalSecretSpec",
        r#"{"secretStoreRef": {"kind": "ClusterSecretStore", "name": "shared"}, "dataFrom": [{"extract": {"key": "shared/registry"}}]}"#,
    ),
    // What is read.
    ("secretStoreRef", r#"{"name": "aws"}"#),
    ("secretStoreRef.name", "aws"),
    ("storeRef", r#"{"name": "shared"}"#),
    ("storeRef.name", "shared"),
    ("sourceRef", r#"{"storeRef": {"name": "shared"}}"#),
    ("generatorRef.kind", "Password"),
    ("generatorRef.name", "database-password"),
    ("secretKey", "password"),
    ("remoteRef.key", "shop/database"),
    ("extract.key", "shop/database"),
    ("version", "AWSPREVIOUS"),
    ("find", r#"{"name": {"regexp": "^shop/"}}"#),
    ("find.name.regexp", "^shop/.*-password$"),
    ("find.path", "shop/"),
    ("find.tags", r#"{"team": "shop"}"#),
    ("decodingStrategy", "Base64"),
    ("valuesDecodingStrategy", "Base64"),
    (
        "rewrite",
        r#"[{"regexp": {"source": "^shop/(.*)$", "target": "$1"}}]"#,
    ),
    ("rewrite[].regexp.source", "^shop/(.*)$"),
    ("rewrite[].regexp.target", "$1"),
    ("transform.template", "{{ .value | upper }}"),
    ("merge.into", "settings"),
    ("merge.priority", r#"["production"]"#),
    ("rewrite[].merge", r#"{"priority": ["production"]}"#),
    // What is written.
    ("target", r#"{"name": "database"}"#),
    ("target.name", "database"),
    ("template.type", "kubernetes.io/tls"),
    (
        "template.data",
        r#"{"url": "postgresql://{{ .username }}:{{ .password | urlquery }}@db/app"}"#,
    ),
    ("template.metadata", r#"{"labels": {"app": "shop"}}"#),
    ("template.metadata.labels", r#"{"app": "shop"}"#),
    (
        "template.metadata.annotations",
        r#"{"example.com/user": "{{ .username }}"}"#,
    ),
    ("template.metadata.finalizers", r#"["example.com/cleanup"]"#),
    ("templateFrom[].literal", "user: {{ .username }}"),
    ("templateFrom[].target", "Labels"),
    ("templateFrom[].configMap.name", "shop-templates"),
    ("templateFrom[].secret.name", "shop-templates"),
    ("items[].key", "app.ini"),
    // Generators.
    (
        "ClusterGenerator.generator",
        r#"{"passwordSpec": {"length": 32}}"#,
    ),
    ("password", r#"{"length": 32}"#),
    ("password.length", "32"),
    ("password.digits", "6"),
    ("password.symbols", "6"),
    ("password.symbolCharacters", "-_.~"),
    ("password.secretKeys", r#"["admin", "app"]"#),
    ("password.encoding", "base64url"),
    ("uuid", "{}"),
    ("sshKey", r#"{"keyType": "ed25519"}"#),
    ("sshKey.comment", "deploy@example"),
    ("sshKey.keySize", "4096"),
    ("mfa.secret.name", "totp-seed"),
    ("mfa.secret.key", "seed"),
    ("mfa.secret.namespace", "shop"),
    ("mfa.secret", r#"{"name": "totp-seed", "key": "seed"}"#),
    ("mfa.algorithm", "sha256"),
    ("mfa.length", "8"),
    ("mfa.timePeriod", "60"),
    ("mfa.when", "2026-01-31T08:00:00Z"),
    ("ecrAuthorizationToken.scope", "public"),
    (
        "requestParameters.serialNumber",
        "arn:aws:iam::111122223333:mfa/alice",
    ),
    ("requestParameters.sessionDuration", "3600"),
    ("requestParameters.tokenCode", "123456"),
    ("requestParameters", r#"{"sessionDuration": 3600}"#),
    ("fake.data", r#"{"username": "guest"}"#),
    ("fake", r#"{"data": {"username": "guest"}}"#),
    // What is reported.
    ("ClusterExternalSecret.status.cause", "AlreadyExists"),
    ("ExternalSecret.status.cause", "SecretNotFound"),
    ("ClusterSecretStore.status.cause", "CredentialsMissing"),
    ("SecretStore.status.cause", "CredentialsMissing"),
    ("status.conditions[].type", "Ready"),
    ("status.conditions[].status", "True"),
    ("status.conditions[].lastTransitionTime", "2026-01-31T08:00:00Z"),
    ("ExternalSecret.status.conditions[].reason", "SecretSynced"),
    ("ExternalSecret.status.conditions[].message", "secret synced"),
    ("ClusterSecretStore.status.conditions[].reason", "Valid"),
    (
        "ClusterSecretStore.status.conditions[].message",
        "store validated",
    ),
    ("SecretStore.status.conditions[].reason", "Valid"),
    ("SecretStore.status.conditions[].message", "store validated"),
    (
        "ClusterExternalSecret.status.conditions[].message",
        "one or more namespaces failed: warehouse: external secret already exists in namespace",
    ),
    ("status.conditions", r#"[{"type": "Ready", "status": "True"}]"#),
    ("status.capabilities", "ReadWrite"),
    ("status.observedGeneration", "3"),
    ("status.provisionedNamespaces", r#"["shop", "warehouse"]"#),
    ("failedNamespaces[].namespace", "warehouse"),
    (
        "failedNamespaces[].reason",
        "external secret already exists in namespace: registry is not kept by this object",
    ),
    ("binding.name", "database"),
    ("status.target.apiVersion", "v1"),
    ("status.target.kind", "ConfigMap"),
    ("status.target.name", "shop-settings"),
    (
        "status.target",
        r#"{"apiVersion": "v1", "kind": "ConfigMap", "name": "shop-settings"}"#,
    ),
    ("entries[].key", "shop/database"),
    ("entries[].stage", "AWSCURRENT"),
    ("entries[].versionId", "4f3e5a0c-7a52-4b6e-9c5e-0d3b7a1f2c48"),
    ("entries[].changedAt", "2026-01-31T08:00:00Z"),
    (
        "status.entries",
        r#"[{"key": "shop/database", "stage": "AWSCURRENT"}]"#,
    ),
    ("status.expires", "2026-01-31T20:00:00Z"),
    ("status.omitted", "12"),
    ("status.refreshTime", "2026-01-31T08:00:00Z"),
    (
        "status.syncedResourceVersion",
        "3-1bed8bcbcb4547ffe19a19cd47d9078e84aa6598266d86b99f992d64",
    ),
];

/// The entry of the table for a field of a kind.
pub(super) fn entry(kind: &str, path: &str) -> Option<&'static (&'static str, &'static str)> {
    let whole = whole(kind, path);
    let fits = |end: &str| {
        let start = whole.len().checked_sub(end.len());
        let rest = start.and_then(|start| whole.split_at_checked(start));
        rest.is_some_and(|(before, rest)| {
            rest.eq_ignore_ascii_case(end) && (before.is_empty() || before.ends_with('.'))
        })
    };
    TABLE
        .iter()
        .filter(|(end, _)| fits(end))
        .max_by_key(|(end, _)| end.len())
}

/// The path with its kind in front. A generator's is the same whether it stands alone or in a ClusterGenerator:
/// `password.length`.
fn whole(kind: &str, path: &str) -> String {
    let path = match path.strip_prefix("spec.generator.") {
        Some(inside) => return inside.replacen("Spec", "", 1),
        None => path.strip_prefix("spec.").unwrap_or(path),
    };
    format!("{kind}.{path}")
}

/// An example of a field, or nothing where none can be told.
pub(super) fn of(kind: &str, path: &str, field: &JSONSchemaProps) -> Option<Value> {
    if let Some((_, text)) = entry(kind, path) {
        return value(field, text);
    }
    named(field)
        .and_then(|text| value(field, text))
        .or_else(|| listed(field))
        .or_else(|| (field.type_.as_deref() == Some("boolean")).then_some(Value::Bool(true)))
        .or_else(|| composed(kind, path, field))
        .or_else(|| Some(field.default.as_ref()?.0.clone()))
}

fn value(field: &JSONSchemaProps, text: &str) -> Option<Value> {
    let is_text = field.type_.as_deref() == Some("string") || field.x_kubernetes_int_or_string == Some(true);
    if is_text {
        return Some(json!(text));
    }
    serde_json::from_str(text).ok()
}

/// What the description names after "such as".
fn named(field: &JSONSchemaProps) -> Option<&str> {
    let (_, rest) = field.description.as_deref()?.split_once("such as `")?;
    rest.split_once('`').map(|(example, _)| example)
}

/// The last value of a list that is not the default.
fn listed(field: &JSONSchemaProps) -> Option<Value> {
    let default = field.default.as_ref();
    let mut values = field.enum_.as_ref()?.iter().rev();
    values
        .find(|value| Some(*value) != default)
        .map(|value| value.0.clone())
}

/// What an object must hold, or the first field that it may; a list with one such item.
fn composed(kind: &str, path: &str, field: &JSONSchemaProps) -> Option<Value> {
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &field.items {
        return Some(json!([of(kind, &format!("{path}[]"), items)?]));
    }
    let fields = field.properties.as_ref()?;
    let required = field.required.as_deref().unwrap_or_default();
    let first = fields.keys().take(usize::from(required.is_empty()));
    let shown = required.iter().chain(first);
    let members = shown.map(|name| {
        let example = of(kind, &format!("{path}.{name}"), fields.get(name)?)?;
        Some((name.clone(), example))
    });
    members.collect::<Option<Map<_, _>>>().map(Value::Object)
}
