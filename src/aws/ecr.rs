//! The calls to Amazon ECR and ECR Public, and what their answers mean.

use aws_credential_types::Credentials;
use aws_sdk_ecr as ecr;
use aws_sdk_ecrpublic as ecr_public;
use aws_smithy_types::DateTime;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use super::{
    clients::{ecr_as, ecr_public_as},
    error::{Api, Class, Error},
    sts::timestamp,
    tokens::Login,
};
use crate::secret_bytes::SecretBytes;

pub(super) const TOKEN: &str = "GetAuthorizationToken";

/// A login to the account's registry in the client's region.
pub(super) async fn login(client: &ecr::Client, credentials: &Credentials) -> Result<Login, Error> {
    let sent = client
        .get_authorization_token()
        .customize()
        .config_override(ecr_as(credentials))
        .send()
        .await;
    let answer = sent.map_err(|error| Error::of_call(Api::Store, TOKEN, &error))?;
    let mut issued = answer.authorization_data.unwrap_or_default();
    let (Some(data), true) = (issued.pop(), issued.is_empty()) else {
        return Err(unusable("the answer does not hold exactly one login"));
    };
    let login = parsed(data.authorization_token, data.expires_at)?;
    Ok(Login {
        endpoint: data.proxy_endpoint,
        ..login
    })
}

/// A login to the public registry.
pub(super) async fn public_login(
    client: &ecr_public::Client,
    credentials: &Credentials,
) -> Result<Login, Error> {
    let sent = client
        .get_authorization_token()
        .customize()
        .config_override(ecr_public_as(credentials))
        .send()
        .await;
    let answer = sent.map_err(|error| Error::of_call(Api::Store, TOKEN, &error))?;
    let data = answer
        .authorization_data
        .ok_or_else(|| unusable("the answer holds no login"))?;
    parsed(data.authorization_token, data.expires_at)
}

fn unusable(what: &str) -> Error {
    Error::new(Class::Transient, TOKEN, format!("{TOKEN} failed: {what}"))
}

/// A token is `user:password` in base64.
fn parsed(token: Option<String>, expires: Option<DateTime>) -> Result<Login, Error> {
    let token = Zeroizing::new(token.unwrap_or_default());
    let decoded = STANDARD.decode(token.as_bytes()).map(Zeroizing::new);
    let mut parts = decoded.iter().flat_map(|bytes| bytes.split(|byte| *byte == b':'));
    let (Some(username), Some(password), None) = (parts.next(), parts.next(), parts.next()) else {
        return Err(unusable("the login is not user and password"));
    };
    Ok(Login {
        username: SecretBytes::from(username),
        password: SecretBytes::from(password),
        endpoint: None,
        expires: expires
            .and_then(timestamp)
            .ok_or_else(|| unusable("the answer does not say when the login expires"))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login_of(token: &str, expires: Option<i64>) -> Result<Login, Error> {
        parsed(Some(STANDARD.encode(token)), expires.map(DateTime::from_secs))
    }

    #[test]
    fn a_login_is_user_password_and_expiry() {
        let login = login_of("AWS:pass", Some(1_700_000_000)).unwrap();
        assert_eq!(
            (login.username.expose(), login.password.expose()),
            (&b"AWS"[..], &b"pass"[..])
        );
        assert_eq!(login.expires.as_second(), 1_700_000_000);
    }

    #[test]
    fn what_is_no_login_is_a_failure_that_does_not_show_it() {
        for broken in [
            login_of("hunter2", Some(1)),
            login_of("AWS:hunter2:more", Some(1)),
            login_of("AWS:hunter2", None),
            parsed(
                Some("hunter2 is not base64".to_owned()),
                Some(DateTime::from_secs(1)),
            ),
            parsed(None, Some(DateTime::from_secs(1))),
        ] {
            let error = broken.unwrap_err();
            assert_eq!(error.class, Class::Transient);
            assert!(!error.text.contains("hunter2"), "{error}");
        }
    }
}
