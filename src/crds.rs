//! The CRDs as they are installed: `keyferry crds` prints them and `crds/*.yaml` holds them.
//!
//! The types of [`crate::api`] say what is in them; here they become what an API server takes. They are supersets of
//! ESO's: a version that it once stored stays listed, unserved, so that they install over its CRDs and give every
//! stored object back.

mod structural;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, CustomResourceDefinitionVersion, CustomResourceSubresourceStatus,
    CustomResourceSubresources, CustomResourceValidation, JSONSchemaProps,
};
use kube::CustomResourceExt;
use schemars::JsonSchema;
use serde_json::{Value, json};

use crate::api::{
    ClusterExternalSecret, ClusterExternalSecretSpec, ClusterExternalSecretStatus, ClusterSecretStore,
    ExternalSecret, ExternalSecretSpec, ExternalSecretStatus, SecretStore, SecretStoreSpec,
    SecretStoreStatus,
    generator::{
        ClusterGenerator, ClusterGeneratorSpec, EcrAuthorizationToken, EcrAuthorizationTokenSpec, Fake,
        FakeSpec, Mfa, MfaSpec, Password, PasswordSpec, SshKey, SshKeySpec, StsSessionToken,
        StsSessionTokenSpec, Uuid, UuidSpec,
    },
};

/// First line of each file.
const HEADER: &str = "# Printed by `keyferry crds`; change the types in src/api, not this file.\n";

/// A CRD could not be put together: a mistake in the types, found by the tests.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The types describe something that a CRD's schema cannot hold.
    #[error("the schema of {crd} is not one a CRD can have")]
    Schema {
        /// Name of the CRD.
        crd: String,
        /// What does not fit.
        #[source]
        source: serde_json::Error,
    },
    /// The CRD cannot be written as YAML.
    #[error("{crd} cannot be written as YAML: {reason}")]
    Yaml {
        /// Name of the CRD.
        crd: String,
        /// What the serialiser says.
        reason: String,
    },
}

/// Every CRD: stores and ExternalSecrets, then generators, each in the order of their names.
pub fn all() -> Result<Vec<CustomResourceDefinition>, Error> {
    let mut crds = vec![
        crd::<ClusterExternalSecretSpec, ClusterExternalSecretStatus>(
            ClusterExternalSecret::crd(),
            "ClusterExternalSecret says which ExternalSecret is kept in which namespaces.",
        )?,
        crd::<SecretStoreSpec, SecretStoreStatus>(
            ClusterSecretStore::crd(),
            "ClusterSecretStore says where secrets are read, as whom, and which namespaces may use it.",
        )?,
        crd::<ExternalSecretSpec, ExternalSecretStatus>(
            ExternalSecret::crd(),
            "ExternalSecret says which secrets are read, when, and which Kubernetes Secret they become.",
        )?,
        crd::<SecretStoreSpec, SecretStoreStatus>(
            SecretStore::crd(),
            "SecretStore says where secrets are read, and as whom, by the objects of its namespace.",
        )?,
    ];
    crds.extend(generators()?);
    Ok(crds)
}

fn generators() -> Result<Vec<CustomResourceDefinition>, Error> {
    Ok(vec![
        generator::<ClusterGeneratorSpec>(
            ClusterGenerator::crd(),
            "ClusterGenerator makes values for the objects of every namespace.",
        )?,
        generator::<EcrAuthorizationTokenSpec>(
            EcrAuthorizationToken::crd(),
            "ECRAuthorizationToken makes a login to Amazon ECR. It holds for 12 hours and is renewed before.",
        )?,
        generator::<FakeSpec>(Fake::crd(), "Fake gives fixed values, for tests and first steps.")?,
        generator::<MfaSpec>(
            Mfa::crd(),
            "MFA makes a one-time code as an authenticator shows it (TOTP, RFC 6238).",
        )?,
        generator::<PasswordSpec>(Password::crd(), "Password makes random passwords.")?,
        generator::<SshKeySpec>(SshKey::crd(), "SSHKey makes a key pair for SSH.")?,
        generator::<StsSessionTokenSpec>(
            StsSessionToken::crd(),
            "STSSessionToken makes temporary credentials of an IAM user. They are renewed before they expire.",
        )?,
        generator::<UuidSpec>(Uuid::crd(), "UUID makes a random UUID.")?,
    ])
}

/// Every CRD as one stream of YAML documents, as `kubectl apply -f -` takes it.
pub fn yaml() -> Result<String, Error> {
    let documents: Vec<String> = files()?.into_iter().map(|(_, text)| text).collect();
    Ok(documents.join("---\n"))
}

/// Every CRD as a file: its name, such as `external-secrets.io_secretstores.yaml`, and its text.
pub fn files() -> Result<Vec<(String, String)>, Error> {
    all()?
        .iter()
        .map(|crd| {
            let name = crd.metadata.name.clone().unwrap_or_default();
            let text = serde_saphyr::to_string(crd).map_err(|e| Error::Yaml {
                crd: name,
                reason: e.to_string(),
            })?;
            Ok((
                format!("{}_{}.yaml", crd.spec.group, crd.spec.names.plural),
                format!("{HEADER}{text}"),
            ))
        })
        .collect()
}

/// Puts schema and older versions into what the types' derive gives.
fn crd<Spec: JsonSchema, Status: JsonSchema>(
    crd: CustomResourceDefinition,
    description: &str,
) -> Result<CustomResourceDefinition, Error> {
    let schema = json!({
        "type": "object",
        "description": description,
        "properties": { "spec": structural::schema::<Spec>(), "status": structural::schema::<Status>() },
        "required": ["spec"],
    });
    let mut crd = with_schema(crd, schema)?;
    let older = v1beta1(&crd.spec.names.kind).map_err(|source| Error::Schema {
        crd: crd.metadata.name.clone().unwrap_or_default(),
        source,
    })?;
    crd.spec.versions.push(older);
    Ok(crd)
}

/// A generator has nothing to report, but a status that others may write, and may leave its spec out.
fn generator<Spec: JsonSchema>(
    crd: CustomResourceDefinition,
    description: &str,
) -> Result<CustomResourceDefinition, Error> {
    let schema = json!({
        "type": "object",
        "description": description,
        "properties": { "spec": structural::schema::<Spec>() },
    });
    let mut crd = with_schema(crd, schema)?;
    for version in &mut crd.spec.versions {
        version.subresources = Some(with_status());
    }
    Ok(crd)
}

fn with_schema(mut crd: CustomResourceDefinition, schema: Value) -> Result<CustomResourceDefinition, Error> {
    let schema = validation(schema).map_err(|source| Error::Schema {
        crd: crd.metadata.name.clone().unwrap_or_default(),
        source,
    })?;
    for version in &mut crd.spec.versions {
        version.schema = Some(schema.clone());
    }
    crd.spec.names.list_kind = Some(format!("{}List", crd.spec.names.kind));
    Ok(crd)
}

fn with_status() -> CustomResourceSubresources {
    CustomResourceSubresources {
        status: Some(CustomResourceSubresourceStatus(json!({}))),
        scale: None,
    }
}

/// The version that clusters may have stored once. The API server refuses a CRD without it as long as
/// `status.storedVersions` names it.
fn v1beta1(kind: &str) -> Result<CustomResourceDefinitionVersion, serde_json::Error> {
    Ok(CustomResourceDefinitionVersion {
        name: "v1beta1".to_owned(),
        served: false,
        storage: false,
        deprecated: Some(true),
        schema: Some(validation(json!({
            "type": "object",
            "description": format!("{kind} in a version that is no longer served: use v1."),
            "x-kubernetes-preserve-unknown-fields": true,
        }))?),
        subresources: Some(with_status()),
        ..CustomResourceDefinitionVersion::default()
    })
}

fn validation(schema: Value) -> Result<CustomResourceValidation, serde_json::Error> {
    Ok(CustomResourceValidation {
        open_api_v3_schema: Some(serde_json::from_value::<JSONSchemaProps>(schema)?),
    })
}
