//! A generator's spec, from the stored object to what is made of it.

use kube::{CustomResourceExt, api::ApiResource};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::name::{GeneratorName, Kind};
use crate::{
    api::generator::{
        ClusterGenerator, ClusterGeneratorSpec, EcrAuthorizationToken, EcrAuthorizationTokenSpec, Fake,
        FakeSpec, GeneratorSpec, Mfa, MfaSpec, Password, PasswordSpec, SshKey, SshKeySpec, StsSessionToken,
        StsSessionTokenSpec, Uuid,
    },
    sync::cause::{Cause, Failure},
};

/// What is to be made.
#[derive(Debug)]
pub(super) enum Spec {
    Registry(EcrAuthorizationTokenSpec),
    Session(StsSessionTokenSpec),
    Password(PasswordSpec),
    Uuid,
    SshKey(SshKeySpec),
    Mfa(MfaSpec),
    Fake(FakeSpec),
}

impl Spec {
    /// The class of the operator that serves it; none where any does.
    pub(super) fn class(&self) -> Option<&str> {
        match self {
            Self::Fake(spec) => spec.controller.as_deref().filter(|class| !class.is_empty()),
            _ => None,
        }
    }
}

/// Where the API server keeps generators of a kind.
pub(super) fn resource(kind: Kind) -> ApiResource {
    match kind {
        Kind::ClusterGenerator => ClusterGenerator::api_resource(),
        Kind::EcrAuthorizationToken => EcrAuthorizationToken::api_resource(),
        Kind::Fake => Fake::api_resource(),
        Kind::Mfa => Mfa::api_resource(),
        Kind::Password => Password::api_resource(),
        Kind::SshKey => SshKey::api_resource(),
        Kind::StsSessionToken => StsSessionToken::api_resource(),
        Kind::Uuid => Uuid::api_resource(),
    }
}

/// Reads a spec as that of its kind.
pub(super) fn read(generator: &GeneratorName, spec: Value) -> Result<Spec, Failure> {
    Ok(match generator.kind {
        Kind::ClusterGenerator => return held(generator, typed(generator, spec)?),
        Kind::EcrAuthorizationToken => Spec::Registry(typed(generator, spec)?),
        Kind::Fake => Spec::Fake(typed(generator, spec)?),
        Kind::Mfa => Spec::Mfa(typed(generator, spec)?),
        Kind::Password => Spec::Password(typed(generator, spec)?),
        Kind::SshKey => Spec::SshKey(typed(generator, spec)?),
        Kind::StsSessionToken => Spec::Session(typed(generator, spec)?),
        Kind::Uuid => Spec::Uuid,
    })
}

/// What does not fit is not shown: a parser quotes what it stumbles over.
fn typed<T: DeserializeOwned>(generator: &GeneratorName, spec: Value) -> Result<T, Failure> {
    serde_json::from_value(spec).map_err(|_| {
        let text =
            format!("the spec of {generator} does not fit its kind; install the CRDs and apply it again");
        Failure::new(Cause::GeneratorInvalid, text)
    })
}

/// The generator that a ClusterGenerator holds: the one of its kind.
fn held(generator: &GeneratorName, spec: ClusterGeneratorSpec) -> Result<Spec, Failure> {
    let kind = Kind::parse(&spec.kind).map_err(|failure| {
        let text = format!("{generator}: {}", failure.text);
        Failure { text, ..failure }
    })?;
    let GeneratorSpec {
        ecr_authorization_token_spec,
        fake_spec,
        mfa_spec,
        password_spec,
        ssh_key_spec,
        sts_session_token_spec,
        uuid_spec,
        others: _,
    } = spec.generator;
    let held = match kind {
        Kind::EcrAuthorizationToken => ecr_authorization_token_spec.map(Spec::Registry),
        Kind::Fake => fake_spec.map(Spec::Fake),
        Kind::Mfa => mfa_spec.map(Spec::Mfa),
        Kind::Password => password_spec.map(Spec::Password),
        Kind::SshKey => ssh_key_spec.map(Spec::SshKey),
        Kind::StsSessionToken => sts_session_token_spec.map(Spec::Session),
        Kind::Uuid => uuid_spec.map(|_| Spec::Uuid),
        Kind::ClusterGenerator => None,
    };
    held.ok_or_else(|| {
        let text = format!(
            "{generator}: spec.kind is {}, and spec.generator does not hold the spec of one; give both the same kind",
            spec.kind
        );
        Failure::new(Cause::GeneratorInvalid, text)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of_kind(kind: Kind, spec: Value) -> Result<Spec, Failure> {
        let name = GeneratorName {
            kind,
            name: "g".into(),
        };
        read(&name, spec)
    }

    fn cluster(kind: &str, generator: &Value) -> Result<Spec, Failure> {
        of_kind(
            Kind::ClusterGenerator,
            json!({ "kind": kind, "generator": generator }),
        )
    }

    #[test]
    fn a_cluster_generator_is_the_generator_that_it_holds() {
        assert!(matches!(
            cluster("Password", &json!({ "passwordSpec": { "length": 12 } })),
            Ok(Spec::Password(PasswordSpec { length: Some(12), .. }))
        ));
        for (kind, key, spec) in [
            (
                "ECRAuthorizationToken",
                "ecrAuthorizationTokenSpec",
                json!({ "region": "r" }),
            ),
            ("Fake", "fakeSpec", json!({})),
            ("MFA", "mfaSpec", json!({ "secret": {} })),
            ("SSHKey", "sshKeySpec", json!({})),
            ("STSSessionToken", "stsSessionTokenSpec", json!({ "region": "r" })),
            ("UUID", "uuidSpec", json!({})),
        ] {
            assert!(cluster(kind, &json!({ key: spec })).is_ok(), "{kind}");
        }
    }

    #[test]
    fn a_cluster_generator_that_holds_something_else_is_refused() {
        for (kind, generator, cause) in [
            ("Password", json!({ "uuidSpec": {} }), Cause::GeneratorInvalid),
            (
                "ClusterGenerator",
                json!({ "uuidSpec": {} }),
                Cause::GeneratorInvalid,
            ),
            (
                "Webhook",
                json!({ "webhookSpec": { "url": "u" } }),
                Cause::NotSupported,
            ),
            ("Dice", json!({ "diceSpec": {} }), Cause::InvalidSpec),
        ] {
            let failure = cluster(kind, &generator).unwrap_err();
            assert_eq!(failure.cause, cause, "{failure}");
            assert!(failure.text.contains("ClusterGenerator \"g\""), "{failure}");
        }
    }

    #[test]
    fn a_spec_that_does_not_fit_is_refused_without_showing_it() {
        let failure = of_kind(Kind::Fake, json!({ "data": { "k": { "hunter2": 1 } } })).unwrap_err();
        assert_eq!(failure.cause, Cause::GeneratorInvalid);
        assert!(!failure.text.contains("hunter2"), "{failure}");
        assert!(of_kind(Kind::EcrAuthorizationToken, json!({})).is_err());
    }

    #[test]
    fn a_generator_may_leave_its_spec_out() {
        for kind in [Kind::Uuid, Kind::Password, Kind::SshKey, Kind::Fake] {
            assert!(of_kind(kind, json!({})).is_ok(), "{kind:?}");
        }
    }

    #[test]
    fn only_a_class_that_is_named_keeps_others_out() {
        let class = |spec: Value| of_kind(Kind::Fake, spec).unwrap().class().map(str::to_owned);
        assert_eq!(class(json!({ "controller": "other" })).as_deref(), Some("other"));
        assert_eq!(class(json!({ "controller": "" })), None);
        assert_eq!(class(json!({})), None);
    }
}
