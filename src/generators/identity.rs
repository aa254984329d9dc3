//! As whom generators ask AWS.

use std::sync::Arc;

use super::{Urgency, name::GeneratorName, refusal::Refusal};
use crate::{
    api::{
        auth::{AwsAuth, AwsAuthSecretRef},
        external_secret::StoreKind,
        secret_store::{AwsProvider, AwsService},
        selectors::SecretKeySelector,
    },
    aws::{Broker, Identity, StoreScope},
};

/// As whom a generator asks AWS: like a SecretStore of the object's namespace, which is the only one it reaches.
pub(super) async fn identify(
    broker: &Broker,
    namespace: &str,
    generator: &GeneratorName,
    region: &str,
    auth: Option<&AwsAuth>,
    role: Option<&str>,
    urgency: Urgency,
) -> Result<Arc<Identity>, Refusal> {
    let provider = AwsProvider {
        // No secret is read; every provider names a service.
        service: AwsService::SecretsManager,
        region: region.to_owned(),
        auth: auth.cloned().map(at_home),
        role: role.map(str::to_owned),
        additional_roles: None,
        external_id: None,
        session_tags: None,
        transitive_tag_keys: None,
        session_tags_policy: None,
        custom_session_tags: None,
        secrets_manager: None,
        prefix: None,
    };
    // No store can have this name, so none is taken for it.
    let name = format!("{}/{}", generator.kind.name(), generator.name);
    let scope = StoreScope {
        kind: StoreKind::SecretStore,
        store_namespace: Some(namespace),
        name: &name,
        uid: "",
        generation: 0,
        aws: &provider,
        retry: None,
        object_namespace: namespace,
    };
    if urgency == Urgency::Forced {
        broker.try_again(&scope.store());
    }
    Ok(broker.identify(&scope).await?)
}

/// The references of a generator, without the namespaces that they may name; static keys win over a token.
fn at_home(auth: AwsAuth) -> AwsAuth {
    let bare = |selector: Option<SecretKeySelector>| {
        selector.map(|selector| SecretKeySelector {
            namespace: None,
            ..selector
        })
    };
    let secret_ref = auth.secret_ref.map(|keys| AwsAuthSecretRef {
        access_key_id: bare(keys.access_key_id),
        secret_access_key: bare(keys.secret_access_key),
        session_token: bare(keys.session_token),
    });
    let jwt = auth.jwt.filter(|_| secret_ref.is_none()).map(|mut jwt| {
        if let Some(account) = &mut jwt.service_account_ref {
            account.namespace = None;
        }
        jwt
    });
    AwsAuth { secret_ref, jwt }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{auth::AwsJwtAuth, selectors::ServiceAccountSelector};

    fn keys() -> AwsAuthSecretRef {
        let elsewhere = || {
            Some(SecretKeySelector {
                name: Some("keys".to_owned()),
                namespace: Some("elsewhere".to_owned()),
                key: Some("k".to_owned()),
            })
        };
        AwsAuthSecretRef {
            access_key_id: elsewhere(),
            secret_access_key: elsewhere(),
            session_token: elsewhere(),
        }
    }

    fn account() -> AwsJwtAuth {
        AwsJwtAuth {
            service_account_ref: Some(ServiceAccountSelector {
                name: "app".to_owned(),
                namespace: Some("elsewhere".to_owned()),
                audiences: None,
            }),
        }
    }

    #[test]
    fn namespaces_of_references_are_ignored() {
        let auth = at_home(AwsAuth {
            secret_ref: Some(keys()),
            jwt: None,
        });
        let keys = auth.secret_ref.unwrap();
        for selector in [keys.access_key_id, keys.secret_access_key, keys.session_token] {
            assert_eq!(selector.unwrap().namespace, None);
        }
        let auth = at_home(AwsAuth {
            secret_ref: None,
            jwt: Some(account()),
        });
        assert_eq!(auth.jwt.unwrap().service_account_ref.unwrap().namespace, None);
    }

    #[test]
    fn static_keys_win_over_a_token() {
        let auth = at_home(AwsAuth {
            secret_ref: Some(keys()),
            jwt: Some(account()),
        });
        assert!(auth.secret_ref.is_some() && auth.jwt.is_none());
    }
}
