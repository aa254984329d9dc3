//! `AssumeRole`, `AssumeRoleWithWebIdentity`, `GetSessionToken` and `GetCallerIdentity`, with the checks that AWS makes.
//!
//! Session name, tags, external id and durations are in the recorded call ([`AwsCall::parameters`]).

use std::collections::{HashMap, HashSet};
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde_json::Value;

use super::credentials::Session;
use super::{Caller, World, secrets_manager};
use crate::aws_call::AwsCall;
use crate::aws_error::{AwsError, REQUEST_ID, escape};

const CHAINED_LIMIT: u64 = 3600;

/// A role's trust policy. Conditions that are empty hold for all.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    /// Parts of ARNs, one of which the caller's must contain. With a value, web identities are refused.
    pub callers: Vec<String>,
    /// `sts:ExternalId`.
    pub external_id: Option<String>,
    /// `aws:RequestTag/<key>`: tags that the session must bring.
    pub tags: Vec<(String, String)>,
    /// The audience that a web identity token must have.
    pub audience: Option<String>,
    /// The subject that a web identity token must have, `system:serviceaccount:<namespace>:<name>`.
    pub subject: Option<String>,
}

#[derive(Debug, Default)]
pub(super) struct TrustPolicies {
    by_role: HashMap<String, Trust>,
}

impl TrustPolicies {
    pub(super) fn set(&mut self, role: &str, trust: Trust) {
        self.by_role.insert(role.to_owned(), trust);
    }
}

/// What both operations have in common, checked.
struct Wanted<'a> {
    role: &'a str,
    account: &'a str,
    role_name: &'a str,
    session_name: &'a str,
    seconds: u64,
}

impl<'a> Wanted<'a> {
    fn read(call: &'a AwsCall) -> Result<Self, AwsError> {
        let role = call.text("RoleArn").unwrap_or_default();
        let session_name = call.text("RoleSessionName").unwrap_or_default();
        let mut parts = role.splitn(6, ':');
        let account = parts.nth(4).unwrap_or_default();
        let path = parts
            .next()
            .and_then(|resource| resource.strip_prefix("role/"))
            .unwrap_or_default();
        if role.len() < 20 || account.len() != 12 || path.is_empty() {
            return Err(invalid(&format!("{role} is invalid")));
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
        if !(2..=64).contains(&session_name.len()) || !session_name.chars().all(allowed) {
            let message = format!(
                "1 validation error detected: Value '{session_name}' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*"
            );
            return Err(invalid(&message));
        }
        let seconds = call
            .text("DurationSeconds")
            .map_or(Ok(3600), str::parse)
            .unwrap_or(0);
        if !(900..=43_200).contains(&seconds) {
            let message = "1 validation error detected: Value at 'durationSeconds' failed to satisfy constraint: Member must have value between 900 and 43200";
            return Err(invalid(message));
        }
        let role_name = path.rsplit('/').next().unwrap_or(path);
        Ok(Self {
            role,
            account,
            role_name,
            session_name,
            seconds,
        })
    }

    fn issue(&self, world: &mut World) -> (Caller, Session) {
        let caller = Caller {
            arn: format!(
                "arn:aws:sts::{}:assumed-role/{}/{}",
                self.account, self.role_name, self.session_name
            ),
            account: self.account.to_owned(),
            role: Some(self.role.to_owned()),
            region: String::new(),
        };
        let session = world.credentials.issue(caller.clone(), self.seconds);
        (caller, session)
    }
}

pub(super) fn assume_role(world: &mut World, caller: &Caller, call: &AwsCall) -> Result<String, AwsError> {
    let wanted = Wanted::read(call)?;
    if caller.role.is_some() && wanted.seconds > CHAINED_LIMIT {
        let message = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining";
        return Err(invalid(message));
    }
    check_tags(call)?;
    let external_id = call.text("ExternalId");
    if external_id.is_some_and(|id| !(2..=1224).contains(&id.len())) {
        return Err(invalid(
            "1 validation error detected: Value at 'externalId' failed to satisfy constraint",
        ));
    }
    if let Some(trust) = world.trust.by_role.get(wanted.role) {
        let tags = call.pairs("Tags");
        let trusted = (trust.callers.is_empty()
            || trust.callers.iter().any(|part| caller.arn.contains(part)))
            && (trust.external_id.is_none() || trust.external_id.as_deref() == external_id)
            && trust.tags.iter().all(|(key, value)| tags.contains(&(key, value)));
        if !trusted {
            let message = format!(
                "User: {} is not authorized to perform: sts:AssumeRole on resource: {}",
                caller.arn, wanted.role
            );
            return Err(AwsError::new(403, "AccessDenied", message));
        }
    }
    let (assumed, session) = wanted.issue(world);
    Ok(answer("AssumeRole", &credentials(&assumed, &session)))
}

pub(super) fn assume_role_with_web_identity(world: &mut World, call: &AwsCall) -> Result<String, AwsError> {
    let wanted = Wanted::read(call)?;
    let token = Token::read(call.text("WebIdentityToken").unwrap_or_default())?;
    if token.expires <= secrets_manager::seconds(SystemTime::now()) {
        return Err(AwsError::bad(
            "ExpiredTokenException",
            "Token expired: current date/time must be before the expiration date/time",
        ));
    }
    if let Some(trust) = world.trust.by_role.get(wanted.role) {
        if trust
            .audience
            .as_ref()
            .is_some_and(|audience| !token.audiences.contains(audience))
        {
            return Err(AwsError::bad("InvalidIdentityToken", "Incorrect token audience"));
        }
        let trusted = trust.callers.is_empty()
            && trust
                .subject
                .as_ref()
                .is_none_or(|subject| token.subject == *subject);
        if !trusted {
            let message = "Not authorized to perform sts:AssumeRoleWithWebIdentity";
            return Err(AwsError::new(403, "AccessDenied", message));
        }
    }
    let (assumed, session) = wanted.issue(world);
    let subject = format!(
        "<SubjectFromWebIdentityToken>{}</SubjectFromWebIdentityToken><Audience>{}</Audience>",
        escape(&token.subject),
        escape(&token.audiences.join(",")),
    );
    Ok(answer(
        "AssumeRoleWithWebIdentity",
        &(credentials(&assumed, &session) + &subject),
    ))
}

pub(super) fn get_session_token(
    world: &mut World,
    caller: &Caller,
    call: &AwsCall,
) -> Result<String, AwsError> {
    if call.session_token.is_some() {
        let message = "Cannot call GetSessionToken with session credentials";
        return Err(AwsError::new(403, "AccessDenied", message));
    }
    let seconds = call
        .text("DurationSeconds")
        .map_or(Ok(43_200), str::parse)
        .unwrap_or(0);
    if !(900..=129_600).contains(&seconds) {
        let message = "1 validation error detected: Value at 'durationSeconds' failed to satisfy constraint: Member must have value between 900 and 129600";
        return Err(invalid(message));
    }
    let session = world.credentials.issue(caller.clone(), seconds);
    Ok(answer("GetSessionToken", &issued(&session)))
}

pub(super) fn get_caller_identity(caller: &Caller) -> String {
    let result = format!(
        "<Arn>{}</Arn><UserId>AIDAFAKE</UserId><Account>{}</Account>",
        escape(&caller.arn),
        caller.account
    );
    answer("GetCallerIdentity", &result)
}

fn check_tags(call: &AwsCall) -> Result<(), AwsError> {
    let tags = call.pairs("Tags");
    let mut keys = HashSet::new();
    for (key, value) in &tags {
        if key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 {
            return Err(invalid(
                "1 validation error detected: a tag's key or value is too short or too long",
            ));
        }
        // AWS compares the keys of session tags without regard to case.
        if !keys.insert(key.to_lowercase()) {
            return Err(AwsError::bad(
                "InvalidParameterValue",
                "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
            ));
        }
    }
    let transitive = call.texts("TransitiveTagKeys");
    if tags.len() > 50 || transitive.len() > 50 {
        return Err(invalid(
            "1 validation error detected: Member must have length less than or equal to 50",
        ));
    }
    if transitive.iter().any(|key| !keys.contains(&key.to_lowercase())) {
        let message = "The specified transitive tag key must be included in the requested tags.";
        return Err(AwsError::bad("InvalidParameterValue", message));
    }
    Ok(())
}

fn invalid(message: &str) -> AwsError {
    AwsError::bad("ValidationError", message)
}

/// The claims of a JWT that matter here. Its signature is not checked: the fake trusts every issuer.
struct Token {
    audiences: Vec<String>,
    subject: String,
    expires: f64,
}

impl Token {
    fn read(token: &str) -> Result<Self, AwsError> {
        let broken = || {
            AwsError::bad(
                "InvalidIdentityToken",
                "The ID Token provided is not a valid JWT.",
            )
        };
        let payload = token.split('.').nth(1).ok_or_else(broken)?;
        let payload = URL_SAFE_NO_PAD.decode(payload).map_err(|_| broken())?;
        let claims: Value = serde_json::from_slice(&payload).map_err(|_| broken())?;
        let audiences = match claims.get("aud") {
            Some(Value::String(one)) => vec![one.clone()],
            Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            _ => return Err(broken()),
        };
        let subject = claims
            .get("sub")
            .and_then(Value::as_str)
            .ok_or_else(broken)?
            .to_owned();
        let expires = claims.get("exp").and_then(Value::as_f64).ok_or_else(broken)?;
        Ok(Self {
            audiences,
            subject,
            expires,
        })
    }
}

fn credentials(caller: &Caller, session: &Session) -> String {
    format!(
        "{}<AssumedRoleUser><AssumedRoleId>AROAFAKE:session</AssumedRoleId><Arn>{}</Arn></AssumedRoleUser>",
        issued(session),
        escape(&caller.arn),
    )
}

fn issued(session: &Session) -> String {
    let Session {
        access_key_id,
        secret_access_key,
        token,
        expires,
    } = session;
    let expires = Timestamp::try_from(*expires)
        .map_or_else(|_| String::new(), |time| time.strftime("%FT%TZ").to_string());
    format!(
        "<Credentials><AccessKeyId>{access_key_id}</AccessKeyId><SecretAccessKey>{secret_access_key}</SecretAccessKey><SessionToken>{token}</SessionToken><Expiration>{expires}</Expiration></Credentials>"
    )
}

fn answer(operation: &str, result: &str) -> String {
    format!(
        r#"<{operation}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{operation}Result>{result}</{operation}Result><ResponseMetadata><RequestId>{REQUEST_ID}</RequestId></ResponseMetadata></{operation}Response>"#
    )
}
