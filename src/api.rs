//! The API types, by kind, and nothing else: what users write and what we report.
//!
//! `keyferry crds` turns them into `crds/*.yaml`. Schema defaults stand only where ESO's CRDs have them, so that a
//! manifest reads back as it was applied.

pub mod auth;
pub mod cluster_external_secret;
pub mod condition;
pub mod external_secret;
pub mod generator;
mod schema;
pub mod secret_store;
pub mod selectors;
mod stored;

pub use cluster_external_secret::{
    ClusterExternalSecret, ClusterExternalSecretSpec, ClusterExternalSecretStatus,
};
pub use external_secret::{ExternalSecret, ExternalSecretSpec, ExternalSecretStatus};
pub use secret_store::{ClusterSecretStore, SecretStore, SecretStoreSpec, SecretStoreStatus};
pub use stored::{Stored, Unreadable};

/// Names of the contract that several stages use.
pub mod names {
    /// Group of every kind but generators.
    pub const GROUP: &str = "external-secrets.io";
    /// Group of generators.
    pub const GENERATORS_GROUP: &str = "generators.external-secrets.io";
    /// Version.
    pub const VERSION: &str = "v1";
    /// Group and version of every kind served here.
    pub const API_VERSION: &str = "external-secrets.io/v1";
    /// The kind that keeps ExternalSecrets in many namespaces.
    pub const CLUSTER_EXTERNAL_SECRET: &str = "ClusterExternalSecret";
    /// Label on each Secret that an ExternalSecret writes.
    pub const MANAGED_LABEL: &str = "reconcile.external-secrets.io/managed";
    /// Label on a Secret under creationPolicy Owner: which ExternalSecret owns it, hashed.
    pub const CREATED_BY_LABEL: &str = "reconcile.external-secrets.io/created-by";
    /// Annotation that ESO leaves: an unsalted hash of the data. Removed with our first real write.
    pub const DATA_HASH_ANNOTATION: &str = "reconcile.external-secrets.io/data-hash";
    /// Any change of annotations syncs; these two also do so for interval 0 and CreatedOnce.
    pub const FORCE_SYNC_ANNOTATIONS: [&str; 2] = ["force-sync", "external-secrets.io/force-sync"];
    /// Prefix of keyferry's own annotations; never copied to a target.
    pub const OWN_PREFIX: &str = "keyferry.dev/";
    /// On the target: a digest of the key names we wrote (names only, no values).
    pub const KEYS_ANNOTATION: &str = "keyferry.dev/keys";
    /// On a Secret (or, where allowed, on the ExternalSecret): consent to take over an existing Secret.
    pub const ADOPT_ANNOTATION: &str = "keyferry.dev/adopt";
    /// On an ExternalSecret: `retain` leaves the Secret when the object goes.
    pub const ON_DELETE_ANNOTATION: &str = "keyferry.dev/on-delete";
    /// On an ExternalSecret: what becomes of keys whose source is missing: `fail`, `keep` or `skip`.
    pub const ON_MISSING_ANNOTATION: &str = "keyferry.dev/on-missing";
    /// Finalizer that ESO puts on every ExternalSecret; we only ever remove it.
    pub const ESO_FINALIZER: &str = "externalsecrets.external-secrets.io/externalsecret-cleanup";
    /// Finalizer that ESO puts on stores.
    pub const ESO_STORE_FINALIZER: &str = "secretstore.externalsecrets.io/finalizer";
    /// Finalizer that ESO puts on each ClusterExternalSecret.
    pub const ESO_CLUSTER_FINALIZER: &str =
        "externalsecrets.external-secrets.io/clusterexternalsecret-cleanup";
    /// Prefix of the finalizer that ESO puts on each namespace for a ClusterExternalSecret, whose name follows.
    pub const ESO_NAMESPACE_FINALIZER_PREFIX: &str = "externalsecrets.external-secrets.io/ces-";
    /// Prefix of the field manager under which a Secret is written; the ExternalSecret's name follows.
    pub const FIELD_MANAGER_PREFIX: &str = "externalsecrets.external-secrets.io/";
    /// Field manager of status writes and everything that is not a target Secret.
    pub const STATUS_MANAGER: &str = "keyferry";
}
