//! Temporary credentials of IAM users.

use super::{Generated, Urgency, Values, identity::identify, name::GeneratorName, refusal::Refusal};
use crate::{
    api::generator::StsSessionTokenSpec,
    aws::{Broker, SessionRequest},
};

/// Credentials, and when they expire.
pub(super) async fn token(
    broker: &Broker,
    namespace: &str,
    generator: &GeneratorName,
    spec: &StsSessionTokenSpec,
    urgency: Urgency,
) -> Result<Generated, Refusal> {
    let request = request(spec)?;
    let (auth, role) = (spec.auth.as_ref(), spec.role.as_deref());
    let identity = identify(broker, namespace, generator, &spec.region, auth, role, urgency).await?;
    let token = broker
        .session_token(&identity, &request, urgency.is_urgent())
        .await?;
    let values = Values::from([
        ("access_key_id".to_owned(), token.access_key_id),
        ("secret_access_key".to_owned(), token.secret_access_key),
        ("session_token".to_owned(), token.session_token),
        (
            "expiration".to_owned(),
            token.expires.as_second().to_string().into(),
        ),
    ]);
    Ok(Generated {
        values,
        expires: Some(token.expires),
    })
}

fn request(spec: &StsSessionTokenSpec) -> Result<SessionRequest, Refusal> {
    let auth = spec.auth.clone().unwrap_or_default();
    if auth.secret_ref.is_none() {
        // With the operator's own keys, whoever may write a generator would get the operator's powers.
        return Err(Refusal::invalid(if auth.jwt.is_some() {
            "jwt auth cannot be used for STS Session Token generation; use auth.secretRef with the long-term keys of an \
             IAM user"
        } else {
            "the operator's own identity is not given away; use auth.secretRef with the long-term keys of an IAM user"
        }));
    }
    let parameters = spec.request_parameters.clone().unwrap_or_default();
    let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
    let seconds = parameters.session_duration.filter(|seconds| *seconds != 0);
    let duration = seconds.map(i32::try_from).transpose().map_err(|_| {
        Refusal::invalid("requestParameters.sessionDuration is no number of seconds; use 900 to 129600")
    })?;
    Ok(SessionRequest {
        duration,
        serial_number: filled(parameters.serial_number),
        token_code: filled(parameters.token_code),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{
        auth::{AwsAuth, AwsAuthSecretRef, AwsJwtAuth},
        generator::SessionParameters,
    };

    /// Differs: docs/differences.md#session-keys.
    #[test]
    fn only_static_keys_get_a_session() {
        let spec = |secret_ref, jwt, seconds| StsSessionTokenSpec {
            auth: Some(AwsAuth { secret_ref, jwt }),
            request_parameters: Some(SessionParameters {
                session_duration: seconds,
                ..SessionParameters::default()
            }),
            ..StsSessionTokenSpec::default()
        };
        let refused = |spec: &StsSessionTokenSpec| request(spec).unwrap_err().text;
        assert!(refused(&StsSessionTokenSpec::default()).contains("not given away"));
        assert!(refused(&spec(None, None, None)).contains("not given away"));
        assert!(refused(&spec(None, Some(AwsJwtAuth::default()), None)).contains("jwt auth cannot be used"));
        assert!(
            refused(&spec(Some(AwsAuthSecretRef::default()), None, Some(i64::MAX))).contains("900 to 129600")
        );
        let asked = request(&spec(Some(AwsAuthSecretRef::default()), None, Some(900))).unwrap();
        assert_eq!((asked.duration, asked.serial_number), (Some(900), None));
    }
}
