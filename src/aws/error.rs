//! What went wrong with AWS: a closed class that decides what happens next, and a text that is safe to show.
//!
//! The classes are made here, from codes alone. Texts are our own words; AWS's words pass only for authorisation, KMS and
//! STS, through [`foreign`](super::foreign). An `SdkError` is never printed, in no form: it may hold the request.

use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::foreign;

/// A failure, safe to show and cheap to hand to everybody who waits for the same thing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Error {
    /// What it means for the objects that asked.
    pub class: Class,
    /// AWS's error code, such as `AccessDeniedException`.
    pub code: Option<String>,
    /// The API operation, such as `GetSecretValue`, or what of ours failed.
    pub operation: &'static str,
    /// What failed and why, in words for users.
    pub text: String,
}

/// What a failure means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// AWS said that this very thing is not there. Nothing else means absence.
    Missing(Absence),
    /// The identity may not do this.
    Denied,
    /// The key that encrypts the value cannot be used.
    Kms,
    /// There are no credentials to ask with.
    Credentials(Fault),
    /// AWS asks us to slow down.
    Throttled,
    /// A failure of the moment: 5xx, no connection, no answer in time, an answer cut off.
    Transient,
    /// AWS refuses the request as it stands.
    Invalid,
    /// What the store says cannot be acted upon; only a change of its spec helps.
    Config,
    /// There is more than one object may hold.
    TooLarge,
}

/// How a thing is absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Absence {
    /// There is no such secret, version or stage.
    NotFound,
    /// It is scheduled for deletion.
    MarkedForDeletion,
}

/// Why there are no credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The Secret with static credentials is not there.
    SecretMissing,
    /// That Secret lacks a key.
    KeyMissing,
    /// The `ServiceAccount` is not there.
    ServiceAccountMissing,
    /// The `ServiceAccount` names no role.
    NoRole,
    /// The API server refuses to show the Secret or to issue the token.
    KubernetesDenied,
    /// STS refuses the role.
    RoleRefused,
    /// AWS does not accept the credentials: expired, revoked, unknown or with a bad signature.
    Rejected,
    /// The operator itself has no identity.
    NoneFound,
}

impl Class {
    /// A word for metrics.
    #[must_use]
    pub const fn outcome(self) -> &'static str {
        match self {
            Self::Missing(_) => "missing",
            Self::Denied => "denied",
            Self::Kms => "kms",
            Self::Credentials(_) => "credentials",
            Self::Throttled => "throttled",
            Self::Transient => "transient",
            Self::Invalid | Self::Config | Self::TooLarge => "invalid",
        }
    }

    /// Whether the same call may succeed a moment later.
    #[must_use]
    pub const fn passes(self) -> bool {
        matches!(self, Self::Throttled | Self::Transient)
    }
}

/// Which table a code is looked up in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Api {
    /// Services that hold secrets.
    Store,
    /// The token service, asked with credentials.
    Sts,
    /// The token service, asked with a token of the cluster.
    WebIdentity,
}

const MISSING: &str = "Secret does not exist";
const MARKED: &str = "Secret does not exist: it is marked for deletion";

impl Error {
    /// An error in our own words.
    pub fn new(class: Class, operation: &'static str, text: impl Into<String>) -> Self {
        Self {
            class,
            code: None,
            operation,
            text: text.into(),
        }
    }

    /// AWS still tells of a secret that is scheduled for deletion.
    pub(super) fn marked_for_deletion(operation: &'static str) -> Self {
        Self::new(Class::Missing(Absence::MarkedForDeletion), operation, MARKED)
    }

    /// The same error, for one of many things.
    pub(super) fn about(mut self, name: &str) -> Self {
        self.text = format!("{name}: {}", self.text);
        self
    }

    /// The same error as the reason why there is no session.
    pub(super) fn no_session(mut self) -> Self {
        const HEAD: &str = "unable to create session: ";
        if !self.text.starts_with(HEAD) {
            self.text.insert_str(0, HEAD);
        }
        self
    }

    /// What AWS answered to one id, or to a whole call, by code.
    pub(super) fn answered(
        api: Api,
        operation: &'static str,
        code: Option<&str>,
        message: &str,
        status: Option<u16>,
    ) -> Self {
        let code = code.filter(|code| is_code(code));
        let class = classify(api, code, message, status);
        let shown = code.map_or_else(
            || {
                status.map_or_else(
                    || "an answer without a code".to_owned(),
                    |s| format!("HTTP status {s}"),
                )
            },
            str::to_owned,
        );
        let text = match class {
            Class::Missing(Absence::NotFound) => MISSING.to_owned(),
            Class::Missing(Absence::MarkedForDeletion) => MARKED.to_owned(),
            Class::Denied | Class::Kms | Class::Credentials(Fault::RoleRefused) => with_words(
                format!("{operation} was refused: {shown}"),
                &foreign::words(message),
            ),
            Class::Credentials(_) => format!("AWS does not accept the credentials: {operation}: {shown}"),
            Class::Throttled => format!("AWS asks to slow down: {operation}: {shown}"),
            _ if api != Api::Store => {
                with_words(format!("{operation} failed: {shown}"), &foreign::words(message))
            }
            _ => format!("{operation} failed: {shown}"),
        };
        Self {
            class,
            code: code.map(str::to_owned),
            operation,
            text,
        }
    }

    /// What became of a call.
    pub(super) fn of_call<E>(api: Api, operation: &'static str, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata,
    {
        let moment =
            |what: &str| Self::new(Class::Transient, operation, format!("{operation} failed: {what}"));
        match error {
            SdkError::ServiceError(answer) => Self::answered(
                api,
                operation,
                answer.err().code(),
                answer.err().message().unwrap_or_default(),
                Some(answer.raw().status().as_u16()),
            ),
            SdkError::TimeoutError(_) => moment("no answer in time"),
            SdkError::DispatchFailure(failure) if failure.is_timeout() => moment("no answer in time"),
            SdkError::DispatchFailure(failure) if failure.is_io() => {
                moment("the endpoint could not be reached, or it closed the connection")
            }
            SdkError::DispatchFailure(failure) if failure.is_user() => Self::new(
                Class::Config,
                operation,
                format!("{operation} could not be sent: the endpoint is not valid"),
            ),
            SdkError::DispatchFailure(_) => moment("the endpoint could not be reached"),
            SdkError::ResponseError(_) => moment("the answer was cut off or could not be read"),
            _ => Self::new(
                Class::Invalid,
                operation,
                format!("{operation} could not be built from what the object says"),
            ),
        }
    }
}

fn with_words(mut head: String, words: &str) -> String {
    if !words.is_empty() {
        head.push_str(": ");
        head.push_str(words);
    }
    head
}

/// Codes are identifiers. Anything else in their place is not shown.
fn is_code(code: &str) -> bool {
    (1..=64).contains(&code.len())
        && code
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'_')
}

fn classify(api: Api, code: Option<&str>, message: &str, status: Option<u16>) -> Class {
    let Some(code) = code else {
        // Without a code it was not the service that answered: a proxy, a load balancer, a cut connection.
        return if status == Some(429) {
            Class::Throttled
        } else {
            Class::Transient
        };
    };
    if let Some(class) = everywhere(code) {
        return class;
    }
    let by_table = match api {
        Api::Store => of_store(code, message),
        Api::Sts | Api::WebIdentity => of_sts(api, code),
    };
    if let Some(class) = by_table {
        return class;
    }
    match status {
        Some(429) => Class::Throttled,
        Some(500..) | None => Class::Transient,
        Some(401 | 403) if api != Api::Store => Class::Credentials(Fault::RoleRefused),
        Some(401 | 403) => Class::Denied,
        Some(_) => Class::Invalid,
    }
}

/// Codes that mean the same at every service.
fn everywhere(code: &str) -> Option<Class> {
    Some(match code {
        "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "TooManyRequestsException"
        | "RequestLimitExceeded"
        | "LimitExceededException"
        | "BandwidthLimitExceeded"
        | "ProvisionedThroughputExceededException"
        | "PriorRequestNotComplete"
        | "SlowDown" => Class::Throttled,
        "InternalServiceError"
        | "InternalServiceErrorException"
        | "InternalServerError"
        | "InternalServerException"
        | "InternalFailure"
        | "InternalError"
        | "ServiceUnavailable"
        | "ServiceUnavailableException"
        | "RequestTimeout"
        | "RequestTimeoutException"
        | "IDPCommunicationError" => Class::Transient,
        "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "InvalidAccessKeyId"
        | "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "IncompleteSignature"
        | "IncompleteSignatureException"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "ExpiredToken"
        | "RequestExpired"
        | "RequestTimeTooSkewed"
        | "TokenRefreshRequired"
        | "InvalidToken" => Class::Credentials(Fault::Rejected),
        _ => return None,
    })
}

fn of_store(code: &str, message: &str) -> Option<Class> {
    let marked = || message.contains("marked for deletion") || message.contains("marked deleted");
    Some(match code {
        "ResourceNotFoundException"
        | "ParameterNotFound"
        | "ParameterVersionNotFound"
        | "InvalidResourceId" => Class::Missing(Absence::NotFound),
        "InvalidRequestException" | "InvalidParameterException" if marked() => {
            Class::Missing(Absence::MarkedForDeletion)
        }
        // A list changed between two of its pages.
        "InvalidNextToken" | "InvalidNextTokenException" => Class::Transient,
        "DecryptionFailure" | "EncryptionFailure" | "InvalidKeyId" => Class::Kms,
        _ if code.starts_with("KMS") => Class::Kms,
        "AccessDeniedException" | "AccessDenied" if is_about_kms(message) => Class::Kms,
        "AccessDeniedException" | "AccessDenied" | "NotAuthorized" | "UnauthorizedOperation" => Class::Denied,
        "ExpiredTokenException" => Class::Credentials(Fault::Rejected),
        "InvalidParameterException"
        | "InvalidRequestException"
        | "ValidationException"
        | "ValidationError" => Class::Invalid,
        _ => return None,
    })
}

fn is_about_kms(message: &str) -> bool {
    // Parameter Store passes the words of KMS on without its name.
    message.contains("kms:") || message.contains("KMS") || message.contains("customer master key")
}

fn of_sts(api: Api, code: &str) -> Option<Class> {
    Some(match code {
        // The same code speaks of what signed the request, or of the token that was to be exchanged.
        "ExpiredTokenException" if api == Api::Sts => Class::Credentials(Fault::Rejected),
        "AccessDenied"
        | "AccessDeniedException"
        | "ExpiredTokenException"
        | "InvalidIdentityToken"
        | "IDPRejectedClaim"
        | "RegionDisabledException"
        | "PackedPolicyTooLarge"
        | "MalformedPolicyDocument" => Class::Credentials(Fault::RoleRefused),
        "ValidationError" | "ValidationException" | "InvalidParameterValue" => Class::Config,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(code: &str, message: &str, status: u16) -> Class {
        Error::answered(Api::Store, "GetSecretValue", Some(code), message, Some(status)).class
    }

    #[test]
    fn only_an_explicit_answer_about_the_id_means_missing() {
        assert_eq!(
            read("ResourceNotFoundException", "", 400),
            Class::Missing(Absence::NotFound)
        );
        let real = "You can't perform this operation on the secret because it was marked for deletion.";
        let other = "You tried to perform the operation on a secret that's currently marked deleted.";
        for code in ["InvalidRequestException", "InvalidParameterException"] {
            for message in [real, other] {
                assert_eq!(
                    read(code, message, 400),
                    Class::Missing(Absence::MarkedForDeletion)
                );
            }
            assert_eq!(read(code, "something else", 400), Class::Invalid);
        }
        for code in [
            "AccessDeniedException",
            "InternalServiceError",
            "ValidationException",
            "DecryptionFailure",
        ] {
            assert!(!matches!(read(code, real, 400), Class::Missing(_)), "{code}");
        }
        assert!(!matches!(
            read("SomethingNew", "not found", 404),
            Class::Missing(_)
        ));
    }

    #[test]
    fn each_code_has_its_class() {
        for (code, status, class) in [
            ("AccessDeniedException", 400, Class::Denied),
            ("DecryptionFailure", 400, Class::Kms),
            ("KMSAccessDeniedException", 400, Class::Kms),
            ("ThrottlingException", 400, Class::Throttled),
            ("LimitExceededException", 400, Class::Throttled),
            ("InternalServiceError", 500, Class::Transient),
            ("InvalidNextTokenException", 400, Class::Transient),
            ("Unheard", 503, Class::Transient),
            ("Unheard", 429, Class::Throttled),
            ("Unheard", 403, Class::Denied),
            ("Unheard", 400, Class::Invalid),
            (
                "UnrecognizedClientException",
                400,
                Class::Credentials(Fault::Rejected),
            ),
            ("ExpiredTokenException", 400, Class::Credentials(Fault::Rejected)),
            (
                "InvalidSignatureException",
                400,
                Class::Credentials(Fault::Rejected),
            ),
        ] {
            assert_eq!(read(code, "", status), class, "{code}");
        }
        let kms = "User: arn:aws:sts::1:assumed-role/r/s is not authorized to perform: kms:Decrypt on this resource";
        assert_eq!(read("AccessDeniedException", kms, 400), Class::Kms);
        assert_eq!(
            read("AccessDeniedException", "Access to KMS is not allowed", 400),
            Class::Kms
        );
    }

    #[test]
    fn an_answer_without_a_code_comes_from_no_service() {
        let class = |status| Error::answered(Api::Store, "GetSecretValue", None, "", status).class;
        assert_eq!(class(Some(407)), Class::Transient);
        assert_eq!(class(Some(404)), Class::Transient);
        assert_eq!(class(Some(429)), Class::Throttled);
        assert_eq!(class(None), Class::Transient);
    }

    #[test]
    fn sts_refusals_are_about_credentials() {
        let class = |code| Error::answered(Api::Sts, "AssumeRole", Some(code), "", Some(403)).class;
        assert_eq!(class("AccessDenied"), Class::Credentials(Fault::RoleRefused));
        assert_eq!(
            class("ExpiredTokenException"),
            Class::Credentials(Fault::Rejected)
        );
        let token = Error::answered(Api::WebIdentity, "", Some("ExpiredTokenException"), "", Some(400)).class;
        assert_eq!(token, Class::Credentials(Fault::RoleRefused));
        assert_eq!(class("ExpiredToken"), Class::Credentials(Fault::Rejected));
        assert_eq!(class("IDPCommunicationError"), Class::Transient);
        assert_eq!(class("ValidationError"), Class::Config);
    }

    #[test]
    fn a_code_that_is_no_identifier_is_not_shown() {
        let error = Error::answered(Api::Store, "GetSecretValue", Some("hunter2 is it"), "", Some(400));
        assert_eq!(error.code, None);
        assert!(!error.text.contains("hunter2"), "{error}");
    }

    #[test]
    fn what_aws_says_is_shown_only_about_permissions() {
        let say = |code| {
            Error::answered(
                Api::Store,
                "GetSecretValue",
                Some(code),
                "User: arn:aws:iam::1:user/u is not authorized",
                Some(400),
            )
        };
        assert_eq!(
            say("AccessDeniedException").text,
            "GetSecretValue was refused: AccessDeniedException: User: arn:aws:iam::1:user/u is not authorized"
        );
        assert_eq!(
            say("ValidationException").text,
            "GetSecretValue failed: ValidationException"
        );
    }
}
