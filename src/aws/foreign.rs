//! Which of AWS's words may be shown.
//!
//! An error text of a service is foreign: it may quote what was sent, carry request ids that change each time, or, behind a
//! hostile endpoint, hold anything. So it is rebuilt from a list: ARNs, action names, and the words that AWS uses to
//! speak about permissions. Everything else becomes an ellipsis.

/// Longest text that is shown, in bytes.
const LIMIT: usize = 512;

/// Stands for what was left out.
const OMITTED: &str = "…";

/// Words AWS uses about permissions, roles, tokens and keys; lower case.
const WORDS: &[&str] = &[
    "a",
    "access",
    "account",
    "action",
    "allow",
    "allowed",
    "allows",
    "an",
    "and",
    "are",
    "assume",
    "assumed",
    "assumerole",
    "assumerolewithwebidentity",
    "assuming",
    "assumption",
    "audience",
    "authentication",
    "authorization",
    "authorized",
    "be",
    "because",
    "been",
    "boundary",
    "by",
    "call",
    "cannot",
    "caller",
    "chaining",
    "ciphertext",
    "claim",
    "conditions",
    "configured",
    "control",
    "could",
    "couldn't",
    "credentials",
    "decrypt",
    "decryption",
    "denied",
    "deny",
    "disabled",
    "does",
    "doesn't",
    "durationseconds",
    "enabled",
    "endpoint",
    "error",
    "exceeds",
    "exist",
    "exists",
    "expired",
    "explicit",
    "explicitly",
    "external",
    "externalid",
    "failed",
    "for",
    "found",
    "from",
    "grant",
    "grants",
    "has",
    "have",
    "id",
    "identity",
    "identity-based",
    "idp",
    "in",
    "incorrect",
    "invalid",
    "invalididentitytoken",
    "is",
    "issuer",
    "it",
    "its",
    "key",
    "keys",
    "kms",
    "length",
    "limit",
    "maximum",
    "maxsessionduration",
    "missing",
    "must",
    "no",
    "not",
    "of",
    "on",
    "openid",
    "openidconnect",
    "or",
    "packed",
    "pending",
    "perform",
    "permission",
    "permissions",
    "policies",
    "policy",
    "policies",
    "principal",
    "protected",
    "provided",
    "provider",
    "rcp",
    "refers",
    "rejected",
    "request",
    "requested",
    "resource",
    "resource-based",
    "resources",
    "retrieve",
    "role",
    "roles",
    "root",
    "scp",
    "secret",
    "security",
    "service",
    "session",
    "sessions",
    "set",
    "size",
    "state",
    "state.",
    "sts",
    "tag",
    "tagging",
    "tags",
    "than",
    "that",
    "the",
    "this",
    "to",
    "token",
    "trust",
    "tried",
    "unauthorized",
    "user",
    "using",
    "valid",
    "validated",
    "value",
    "verification",
    "verified",
    "version",
    "vpc",
    "was",
    "web",
    "which",
    "with",
    "you",
    "your",
];

/// What of a message may be shown, at most [`LIMIT`] bytes of it; empty where nothing is left.
pub(super) fn words(message: &str) -> String {
    let mut shown = String::new();
    let mut omitting = false;
    for token in message.split_whitespace() {
        let known = is_known(token);
        if !known && omitting {
            continue;
        }
        omitting = !known;
        let piece = if known { token } else { OMITTED };
        // Room is kept for a last ellipsis.
        if shown.len() + 1 + piece.len() + OMITTED.len() > LIMIT {
            if !shown.ends_with(OMITTED) {
                shown.push_str(OMITTED);
            }
            break;
        }
        if !shown.is_empty() {
            shown.push(' ');
        }
        shown.push_str(piece);
    }
    if shown == OMITTED { String::new() } else { shown }
}

fn is_known(token: &str) -> bool {
    let bare =
        token.trim_matches(|c: char| matches!(c, '.' | ',' | ':' | ';' | '(' | ')' | '"' | '\'' | '[' | ']'));
    bare.is_empty() || is_arn(bare) || is_action(bare) || is_word(bare)
}

fn is_word(text: &str) -> bool {
    text.len() <= 32 && WORDS.contains(&text.to_ascii_lowercase().as_str())
}

/// `arn:partition:service:region:account:resource`, in the characters that AWS allows in names.
fn is_arn(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("arn:") else {
        return false;
    };
    let partition = rest.split(':').next().unwrap_or_default();
    text.len() <= 400
        && text.split(':').count() >= 6
        && partition.starts_with("aws")
        && rest
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b":/_+=,.@-*!".contains(&b))
}

/// `service:Action`, such as `secretsmanager:GetSecretValue`.
fn is_action(text: &str) -> bool {
    text.split_once(':').is_some_and(|(service, action)| {
        let services = ["secretsmanager", "ssm", "kms", "sts", "ecr", "ecr-public", "iam"];
        services.contains(&service)
            && action.len() <= 40
            && action.bytes().all(|b| b.is_ascii_alphabetic() || b == b'*')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_keeps_who_what_and_where() {
        let message = "User: arn:aws:sts::111122223333:assumed-role/reader/session is not authorized to perform: \
                       secretsmanager:GetSecretValue on resource: app/db because no identity-based policy allows the \
                       secretsmanager:GetSecretValue action";
        assert_eq!(
            words(message),
            "User: arn:aws:sts::111122223333:assumed-role/reader/session is not authorized to perform: \
             secretsmanager:GetSecretValue on resource: … because no identity-based policy allows the \
             secretsmanager:GetSecretValue action"
        );
    }

    #[test]
    fn request_ids_and_credentials_do_not_pass() {
        let message = "not authorized (Service: SM, Request ID: 4b7c1f6e-7f0f-4f0e-9d0f-0d6d3f3f4b4a) \
                       Credential=AKIAABCDEFGHIJKLMNOP/20260101/eu-west-1/sts/aws4_request";
        let shown = words(message);
        assert!(
            !shown.contains("4b7c") && !shown.contains("AKIA") && !shown.contains("aws4_request"),
            "{shown}"
        );
    }

    #[test]
    fn values_do_not_pass_in_any_dress() {
        for hostile in [
            "hunter2",
            "p@ss:word",
            "aHVudGVyMg==",
            "{\"password\":\"x\"}",
            "arn:hunter2",
            "kms:hunter2",
        ] {
            assert_eq!(words(hostile), "", "{hostile}");
        }
        assert_eq!(
            words("the secret is hunter2 hunter3 and more"),
            "the secret is … and …"
        );
    }

    #[test]
    fn long_texts_are_cut() {
        let shown = words(&"not authorized ".repeat(200));
        assert!(
            shown.len() <= LIMIT && shown.ends_with(OMITTED),
            "{}",
            shown.len()
        );
    }
}
