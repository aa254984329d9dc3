//! Which generator an object names.

use std::fmt;

use crate::{
    api::{
        external_secret::{GENERATOR_KINDS, GeneratorRef},
        generator::API_VERSION,
    },
    sync::cause::{Cause, Failure},
};

macro_rules! kinds {
    ($($kind:ident = $name:literal,)+) => {
        /// The kinds of generators that this operator implements.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[expect(missing_docs, reason = "each is a kind of the API, described there")]
        pub enum Kind { $($kind,)+ }

        impl Kind {
            /// The kind as manifests write it.
            pub fn name(self) -> &'static str {
                match self { $(Self::$kind => $name),+ }
            }

            fn named(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$kind),)+ _ => None }
            }
        }
    };
}

kinds! {
    ClusterGenerator = "ClusterGenerator",
    EcrAuthorizationToken = "ECRAuthorizationToken",
    Fake = "Fake",
    Mfa = "MFA",
    Password = "Password",
    SshKey = "SSHKey",
    StsSessionToken = "STSSessionToken",
    Uuid = "UUID",
}

impl Kind {
    /// Reads a kind. One that only others implement, and one that nobody does, are failures of their own.
    pub(super) fn parse(kind: &str) -> Result<Self, Failure> {
        Self::named(kind).ok_or_else(|| {
            if GENERATOR_KINDS.contains(&kind) {
                let text = format!(
                    "generators of kind {kind} are not supported; use a kind that docs/generators.md lists"
                );
                Failure::new(Cause::NotSupported, text)
            } else {
                Failure::new(
                    Cause::InvalidSpec,
                    format!("there are no generators of kind {kind:?}"),
                )
            }
        })
    }
}

/// A generator by kind and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GeneratorName {
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: Box<str>,
}

impl GeneratorName {
    /// Reads a reference. What it says wrong stays wrong until the object changes.
    pub fn parse(reference: &GeneratorRef) -> Result<Self, Failure> {
        let version = reference
            .api_version
            .as_deref()
            .filter(|version| !version.is_empty());
        if let Some(version) = version
            && version != API_VERSION
        {
            let text = format!(
                "generatorRef.apiVersion {version:?} is not {API_VERSION}; correct it, or leave it out"
            );
            return Err(Failure::new(Cause::InvalidSpec, text));
        }
        if reference.name.is_empty() {
            return Err(Failure::new(
                Cause::InvalidSpec,
                "generatorRef.name is empty; name the generator",
            ));
        }
        Ok(Self {
            kind: Kind::parse(&reference.kind)?,
            name: reference.name.as_str().into(),
        })
    }
}

impl fmt::Display for GeneratorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} \"{}\"", self.kind.name(), self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(version: Option<&str>, kind: &str, name: &str) -> Result<GeneratorName, Failure> {
        GeneratorName::parse(&GeneratorRef {
            api_version: version.map(str::to_owned),
            kind: kind.to_owned(),
            name: name.to_owned(),
        })
    }

    #[test]
    fn a_generator_is_named_by_kind_and_name() {
        for version in [None, Some(""), Some(API_VERSION)] {
            let name = parsed(version, "UUID", "u").unwrap();
            assert_eq!((name.kind, &*name.name), (Kind::Uuid, "u"));
        }
    }

    #[test]
    fn what_the_reference_says_wrong_is_named() {
        for (version, kind, name, cause, wanted) in [
            (
                Some("external-secrets.io/v1"),
                "UUID",
                "u",
                Cause::InvalidSpec,
                "apiVersion",
            ),
            (None, "UUID", "", Cause::InvalidSpec, "name is empty"),
            (None, "Dice", "d", Cause::InvalidSpec, "\"Dice\""),
            (None, "Webhook", "w", Cause::NotSupported, "kind Webhook"),
            (
                None,
                "VaultDynamicSecret",
                "v",
                Cause::NotSupported,
                "kind VaultDynamicSecret",
            ),
        ] {
            let failure = parsed(version, kind, name).unwrap_err();
            assert_eq!(failure.cause, cause, "{failure}");
            assert!(failure.text.contains(wanted), "{failure}");
        }
    }

    #[test]
    fn every_kind_here_is_one_of_the_apis() {
        let ours = GENERATOR_KINDS.iter().filter(|kind| Kind::named(kind).is_some());
        assert_eq!(ours.count(), 8);
    }
}
