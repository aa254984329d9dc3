//! Logins to Amazon ECR.

use super::{Generated, Urgency, Values, identity::identify, name::GeneratorName, refusal::Refusal};
use crate::{
    api::generator::EcrAuthorizationTokenSpec,
    aws::{Broker, Class, Registry},
};

/// Regions in which ECR Public answers.
const PUBLIC_REGIONS: [&str; 2] = ["us-east-1", "us-west-2"];

/// A login, and when it expires.
pub(super) async fn login(
    broker: &Broker,
    namespace: &str,
    generator: &GeneratorName,
    spec: &EcrAuthorizationTokenSpec,
    urgency: Urgency,
) -> Result<Generated, Refusal> {
    let registry = match spec.scope.as_deref() {
        Some("public") => Registry::Public,
        _ => Registry::Private,
    };
    let (auth, role) = (spec.auth.as_ref(), spec.role.as_deref());
    let identity = identify(broker, namespace, generator, &spec.region, auth, role, urgency).await?;
    let login = broker
        .registry_login(&identity, registry, urgency.is_urgent())
        .await;
    let login = login.map_err(|mut error| {
        // Elsewhere there is not even a host of that name.
        if registry == Registry::Public
            && error.class == Class::Transient
            && !PUBLIC_REGIONS.contains(&spec.region.as_str())
        {
            error
                .text
                .push_str("; ECR Public answers in us-east-1: set region to that");
        }
        error
    })?;
    let expires_at = login.expires.as_second().to_string();
    let mut values = Values::from([
        ("username".to_owned(), login.username),
        ("password".to_owned(), login.password),
        ("expires_at".to_owned(), expires_at.into()),
    ]);
    if registry == Registry::Private {
        let endpoint = login.endpoint.unwrap_or_default();
        values.insert("proxy_endpoint".to_owned(), endpoint.into());
    }
    Ok(Generated {
        values,
        expires: Some(login.expires),
    })
}
