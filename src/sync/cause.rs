//! Why an object is not synced: a closed code, what follows from it, and the sentence a user reads.

use std::fmt;

/// What decides the next try.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Follows from the spec alone: waits for a new one.
    Spec,
    /// Depends on something that is watched (a store, the target): waits for it, and looks again at the interval.
    Watched,
    /// Depends on data at AWS: looks again at the interval.
    Data,
    /// Something refuses: backs off.
    Denied,
    /// Passes by itself: backs off from one second.
    Transient,
}

macro_rules! causes {
    ($($(#[$doc:meta])+ $name:ident => $class:ident,)+) => {
        /// A closed code, also in `status.cause`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Cause { $($(#[$doc])+ $name,)+ }

        impl Cause {
            /// Every cause, for documentation and metrics.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The code.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name)),+ }
            }

            /// What decides the next try.
            pub fn class(self) -> Class {
                match self { $(Self::$name => Class::$class),+ }
            }
        }
    };
}

causes! {
    /// The spec contradicts itself or a rule of the API.
    InvalidSpec => Spec,
    /// A field that this version does not implement.
    NotSupported => Spec,
    /// Targets that are no Secrets are switched off, or this kind is not one that may be written.
    TargetKindRefused => Spec,
    /// The stored object cannot be read.
    Malformed => Spec,
    /// The store does not exist.
    StoreNotFound => Watched,
    /// The store exists but is not Ready.
    StoreNotReady => Watched,
    /// The store's conditions do not allow this namespace.
    StoreDenied => Watched,
    /// The store belongs to an operator of another class, or to another provider.
    StoreNotOurs => Watched,
    /// The generator does not exist.
    GeneratorNotFound => Denied,
    /// The generator cannot make what its spec asks for.
    GeneratorInvalid => Denied,
    /// The generator belongs to an operator of another class.
    GeneratorNotOurs => Watched,
    /// The secret, version or stage does not exist at AWS.
    SecretNotFound => Data,
    /// The secret is scheduled for deletion at AWS.
    SecretMarkedForDeletion => Data,
    /// The secret has no such property.
    PropertyNotFound => Data,
    /// The secret should be a JSON object and is not.
    NotJson => Data,
    /// A value cannot be decoded as asked for.
    DecodingFailed => Data,
    /// A value holds a null byte.
    NullByte => Data,
    /// A key cannot be a key of a Secret.
    InvalidKey => Data,
    /// Two keys become the same.
    KeyCollision => Data,
    /// Keys cannot be rewritten as asked for.
    RewriteFailed => Data,
    /// The Secret would be larger than Kubernetes allows.
    TooLarge => Data,
    /// A template of the spec cannot be parsed.
    TemplateInvalid => Spec,
    /// A template fails on what it is given, or its source holds no template.
    TemplateFailed => Data,
    /// A ConfigMap or Secret that templates come from, or its key, does not exist.
    TemplateSourceNotFound => Watched,
    /// A template takes more work than is allowed.
    TemplateTooCostly => Denied,
    /// A template gives a label or annotation that Kubernetes does not take.
    InvalidMetadata => Data,
    /// AWS denies the read.
    AccessDenied => Denied,
    /// The KMS key cannot be used.
    KmsFailed => Denied,
    /// No credentials: a role, token or credentials Secret does not work.
    CredentialsFailed => Denied,
    /// AWS refuses the request as invalid.
    InvalidRequest => Data,
    /// AWS throttles.
    Throttled => Transient,
    /// AWS cannot be reached or fails.
    AwsUnavailable => Transient,
    /// The Kubernetes API server cannot be reached or refuses for now.
    ApiServerUnavailable => Transient,
    /// The operator lacks a permission in the cluster.
    Forbidden => Denied,
    /// The Secret belongs to another ExternalSecret or controller.
    TargetOwned => Watched,
    /// A Secret that keyferry did not write is in the way.
    TargetNotAdopted => Watched,
    /// The Secret is immutable, as the type of every Secret is, and would have to change.
    TargetImmutable => Watched,
    /// The Secret has, or would get, a privileged type.
    TargetTypeRefused => Watched,
    /// The API server does not serve the kind of the target.
    TargetKindNotServed => Watched,
    /// The API server refuses the target as invalid.
    TargetInvalid => Data,
    /// Somebody else keeps changing the Secret.
    Contested => Denied,
    /// The namespace is being deleted.
    NamespaceTerminating => Watched,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A failure as a user reads it. The text is built from our own sentences: it never holds a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{cause}: {text}")]
pub struct Failure {
    /// The code.
    pub cause: Cause,
    /// What failed, and what to do.
    pub text: String,
    /// The contract's sentence for the condition that ESO would set, kept in the event.
    pub headline: &'static str,
}

impl Failure {
    /// A failure of reading or checking.
    pub fn new(cause: Cause, text: impl Into<String>) -> Self {
        Self {
            cause,
            text: text.into(),
            headline: "could not get secret data from provider",
        }
    }

    /// The same failure under another of the contract's headlines.
    #[must_use]
    pub fn headline(mut self, headline: &'static str) -> Self {
        self.headline = headline;
        self
    }
}

#[cfg(test)]
mod tests;
