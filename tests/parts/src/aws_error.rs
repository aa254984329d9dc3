//! An error as AWS sends it, in the dialect of the service.

use http::{HeaderValue, StatusCode};
use serde_json::json;

use crate::aws_call::Protocol;
use crate::server::Reply;

/// Status, code and message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsError {
    pub status: u16,
    pub code: String,
    pub message: String,
}

impl AwsError {
    pub fn new(status: u16, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.into(),
            message: message.into(),
        }
    }

    /// 400, which AWS sends for nearly everything that a client did wrong.
    pub(crate) fn bad(code: &str, message: impl Into<String>) -> Self {
        Self::new(400, code, message)
    }

    pub(crate) fn reply(&self, protocol: Protocol) -> Reply {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut reply = match protocol {
            // The two services differ in the case of `message`; clients accept either, so both are sent.
            Protocol::Json => Reply::new(
                status,
                "application/x-amz-json-1.1",
                json!({"__type": self.code, "Message": self.message, "message": self.message}).to_string(),
            ),
            Protocol::Query => {
                let kind = if self.status < 500 { "Sender" } else { "Receiver" };
                let (code, message) = (escape(&self.code), escape(&self.message));
                let body = format!(
                    r#"<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>{kind}</Type><Code>{code}</Code><Message>{message}</Message></Error><RequestId>{REQUEST_ID}</RequestId></ErrorResponse>"#
                );
                Reply::new(status, "text/xml", body)
            }
        };
        reply
            .headers
            .insert("x-amzn-requestid", HeaderValue::from_static(REQUEST_ID));
        reply
    }
}

/// The same for every answer: what is built on it must not tell answers apart by it.
pub(crate) const REQUEST_ID: &str = "11111111-2222-4333-8444-555555555555";

/// Text inside an XML element.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
