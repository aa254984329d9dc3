//! How users are told which right in the cluster keyferry lacks, the operator or a command. One wording everywhere, so that it
//! can be looked for.

/// What to grant: verb and resource as they stand in a Role.
pub fn lacking(verb: &str, resource: &str) -> String {
    format!("grant keyferry `{verb}` on {resource}")
}

/// Whether a refusal is that of the admission plugin `OwnerReferencesPermissionEnforcement`: whoever writes an owner reference
/// that blocks a deletion needs `update` on the owner's `finalizers`. Its message does not say so.
pub fn is_of_an_owner(message: &str) -> bool {
    message.contains("cannot set blockOwnerDeletion")
}
