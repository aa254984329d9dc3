//! One request to AWS, understood: which operation, who asks, with what.

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::server::Asked;

/// A request as a fake or a proxy saw it.
#[derive(Debug, Clone, PartialEq)]
pub struct AwsCall {
    /// As in IAM: `secretsmanager`, `ssm`, `sts`; empty if unknown.
    pub service: String,
    /// `GetSecretValue`, `AssumeRole`; empty if unknown.
    pub operation: String,
    /// The access key that signed; `None` for `AssumeRoleWithWebIdentity`, which is unsigned.
    pub access_key_id: Option<String>,
    /// The session token that came along.
    pub session_token: Option<String>,
    /// The region that the request was signed for.
    pub region: Option<String>,
    /// Who the access key belongs to: the ARN of the assumed role if known, else the access key id, else empty.
    pub identity: String,
    pub user_agent: String,
    /// The JSON body, or the form as an object of the same shape (`Tags` is a list of `{Key, Value}`).
    pub parameters: Value,
    pub(crate) protocol: Protocol,
}

/// How a service speaks; errors look different.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Secrets Manager and SSM.
    Json,
    /// STS.
    Query,
}

impl AwsCall {
    pub(crate) fn read(asked: &Asked) -> Self {
        let header = |name: &str| asked.head.headers.get(name).and_then(|value| value.to_str().ok());
        let scope = header("authorization").and_then(|value| {
            let credential = value.split_once("Credential=")?.1;
            let mut parts = credential.split([',', ' ']).next()?.split('/');
            let key = parts.next()?.to_owned();
            // The date stands between them.
            Some((key, parts.nth(1)?.to_owned(), parts.next()?.to_owned()))
        });
        let target = header("x-amz-target").and_then(|target| target.rsplit_once('.'));
        let (protocol, parameters) = if target.is_some() {
            (
                Protocol::Json,
                serde_json::from_slice(&asked.body).unwrap_or(Value::Null),
            )
        } else {
            (Protocol::Query, form(&asked.body))
        };
        let (service, operation) = match target {
            Some(("AmazonSSM", operation)) => ("ssm".to_owned(), operation.to_owned()),
            Some((service, operation)) => (service.to_owned(), operation.to_owned()),
            None => {
                let service = scope.as_ref().map_or("sts", |(_, _, service)| service);
                (
                    service.to_owned(),
                    text(&parameters, "Action").unwrap_or_default().to_owned(),
                )
            }
        };
        let access_key_id = scope.as_ref().map(|(key, _, _)| key.clone());
        Self {
            service,
            operation,
            identity: access_key_id.clone().unwrap_or_default(),
            access_key_id,
            session_token: header("x-amz-security-token").map(str::to_owned),
            region: scope.map(|(_, region, _)| region),
            user_agent: header("user-agent").unwrap_or_default().to_owned(),
            parameters,
            protocol,
        }
    }

    /// A parameter that is a string.
    pub fn text(&self, name: &str) -> Option<&str> {
        text(&self.parameters, name)
    }

    /// A parameter that is a list of strings; empty if absent.
    pub fn texts(&self, name: &str) -> Vec<&str> {
        let list = self.parameters.get(name).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// `[(key, value)]` of a parameter such as `Tags`.
    pub fn pairs(&self, name: &str) -> Vec<(&str, &str)> {
        let list = self.parameters.get(name).and_then(Value::as_array);
        list.into_iter()
            .flatten()
            .filter_map(|pair| Some((text(pair, "Key")?, text(pair, "Value")?)))
            .collect()
    }

    /// Every secret, parameter or role that the request names.
    pub fn resources(&self) -> Vec<&str> {
        let single = ["SecretId", "Name", "RoleArn", "Path", "ResourceId"]
            .into_iter()
            .filter_map(|name| self.text(name));
        single
            .chain(
                ["SecretIdList", "Names"]
                    .into_iter()
                    .flat_map(|name| self.texts(name)),
            )
            .collect()
    }
}

fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name)?.as_str()
}

/// `Tags.member.1.Key=a&Tags.member.1.Value=b` becomes `{"Tags": [{"Key": "a", "Value": "b"}]}`.
fn form(body: &Bytes) -> Value {
    let mut object = Map::new();
    for (name, value) in form_urlencoded::parse(body) {
        let Some((list, place)) = name.split_once(".member.") else {
            object.insert(name.into_owned(), Value::String(value.into_owned()));
            continue;
        };
        let (number, field) = place.split_once('.').unwrap_or((place, ""));
        let Some(index) = number
            .parse::<usize>()
            .ok()
            .and_then(|number| number.checked_sub(1))
        else {
            continue;
        };
        // Beyond any limit of AWS; a fake need not allocate what a broken client asks for.
        if index >= 1000 {
            continue;
        }
        let entry = object
            .entry(list.to_owned())
            .or_insert_with(|| Value::Array(Vec::new()));
        let Value::Array(items) = entry else { continue };
        while items.len() <= index {
            items.push(Value::Null);
        }
        let Some(item) = items.get_mut(index) else {
            continue;
        };
        let value = Value::String(value.into_owned());
        match item {
            _ if field.is_empty() => *item = value,
            Value::Object(fields) => drop(fields.insert(field.to_owned(), value)),
            _ => *item = Value::Object(Map::from_iter([(field.to_owned(), value)])),
        }
    }
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn asked(headers: &[(&str, &str)], body: &str) -> Asked {
        let request = headers
            .iter()
            .fold(http::Request::post("/"), |request, (name, value)| {
                request.header(*name, *value)
            });
        let (head, ()) = request.body(()).unwrap().into_parts();
        Asked {
            head,
            body: Bytes::copy_from_slice(body.as_bytes()),
        }
    }

    #[test]
    fn a_json_request_is_read_with_its_signer() {
        let signed = "AWS4-HMAC-SHA256 Credential=AKIA/20261121/eu-west-1/secretsmanager/aws4_request, SignedHeaders=h, Signature=s";
        let headers = [
            ("authorization", signed),
            ("x-amz-target", "secretsmanager.BatchGetSecretValue"),
        ];
        let call = AwsCall::read(&asked(&headers, r#"{"SecretIdList":["a","b"]}"#));
        assert_eq!(
            (call.service.as_str(), call.operation.as_str()),
            ("secretsmanager", "BatchGetSecretValue")
        );
        assert_eq!(
            (call.access_key_id.as_deref(), call.region.as_deref()),
            (Some("AKIA"), Some("eu-west-1"))
        );
        assert_eq!(call.resources(), ["a", "b"]);
    }

    #[test]
    fn a_form_is_read_as_an_object_with_its_lists() {
        let body = "Action=AssumeRole&RoleArn=arn%3Ax&Tags.member.1.Key=a&Tags.member.1.Value=1&Tags.member.2.Key=b&Tags.member.2.Value=2&TransitiveTagKeys.member.1=a";
        let call = AwsCall::read(&asked(&[], body));
        assert_eq!(
            (call.service.as_str(), call.operation.as_str()),
            ("sts", "AssumeRole")
        );
        assert_eq!(call.pairs("Tags"), [("a", "1"), ("b", "2")]);
        assert_eq!(call.texts("TransitiveTagKeys"), ["a"]);
        assert_eq!(call.parameters.get("RoleArn"), Some(&json!("arn:x")));
    }
}
