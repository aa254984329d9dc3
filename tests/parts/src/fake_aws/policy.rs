//! Permissions that were taken away.

use super::Caller;
use crate::aws_error::AwsError;

/// A permission that callers lack. Conditions that are `None` hold for all.
#[derive(Debug, Clone, Default)]
pub struct Denied {
    /// As in IAM, such as `secretsmanager:BatchGetSecretValue`.
    pub action: String,
    /// A part of the caller's ARN.
    pub caller: Option<String>,
    /// A part of the secret's or parameter's name or ARN.
    pub resource: Option<String>,
}

#[derive(Debug, Default)]
pub(super) struct Policy {
    denials: Vec<Denied>,
}

impl Policy {
    pub(super) fn deny(&mut self, denied: Denied) {
        self.denials.push(denied);
    }

    /// `resource` is as the caller named it; `*` for a permission that is not about one.
    pub(super) fn check(&self, caller: &Caller, action: &str, resource: &str) -> Result<(), AwsError> {
        let denies = |denied: &Denied| {
            denied.action == action
                && denied
                    .caller
                    .as_ref()
                    .is_none_or(|part| caller.arn.contains(part))
                && denied
                    .resource
                    .as_ref()
                    .is_none_or(|part| resource.contains(part))
        };
        if !self.denials.iter().any(denies) {
            return Ok(());
        }
        let who = &caller.arn;
        let on = if resource == "*" {
            String::new()
        } else {
            format!(" on resource: {resource}")
        };
        let message = format!(
            "User: {who} is not authorized to perform: {action}{on} because no identity-based policy allows the {action} action"
        );
        Err(AwsError::bad("AccessDeniedException", message))
    }
}
