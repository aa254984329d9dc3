//! The store on whose behalf AWS is asked, and for whom.

use crate::api::{
    external_secret::StoreKind,
    secret_store::{AwsProvider, RetrySettings},
};

/// A store as one of its users sees it.
#[derive(Clone, Copy, Debug)]
pub struct StoreScope<'a> {
    /// `SecretStore` or `ClusterSecretStore`. A generator acts as a `SecretStore` of its user's namespace.
    pub kind: StoreKind,
    /// The store's namespace; none for a `ClusterSecretStore`.
    pub store_namespace: Option<&'a str>,
    /// The store's name.
    pub name: &'a str,
    /// The store's uid.
    pub uid: &'a str,
    /// The store's generation.
    pub generation: i64,
    /// The provider.
    pub aws: &'a AwsProvider,
    /// How calls are retried.
    pub retry: Option<&'a RetrySettings>,
    /// Namespace of the `ExternalSecret`; empty when a `ClusterSecretStore` itself is validated.
    pub object_namespace: &'a str,
}

/// A store by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreName {
    /// Its kind.
    pub kind: StoreKind,
    /// Its namespace; none for a `ClusterSecretStore`.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

impl StoreScope<'_> {
    /// The store by name.
    #[must_use]
    pub fn store(&self) -> StoreName {
        StoreName {
            kind: self.kind,
            namespace: self.store_namespace.map(str::to_owned),
            name: self.name.to_owned(),
        }
    }
}

/// Whether credentials are looked up in the namespace of whoever uses the store (referent authentication), so that a
/// `ClusterSecretStore` cannot be validated on its own.
#[must_use]
pub fn is_referent(aws: &AwsProvider) -> bool {
    let Some(auth) = &aws.auth else { return false };
    let token = auth.jwt.as_ref().and_then(|jwt| jwt.service_account_ref.as_ref());
    let keys = auth.secret_ref.as_ref().map(|secret| {
        [
            &secret.access_key_id,
            &secret.secret_access_key,
            &secret.session_token,
        ]
        .into_iter()
        .flatten()
    });
    token.is_some_and(|account| account.namespace.is_none())
        || keys.is_some_and(|mut keys| keys.any(|key| key.namespace.is_none()))
}
