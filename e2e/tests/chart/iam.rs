//! The policies that docs/eks.md tells people to paste: IAM's grammar, as moto checks it, and nothing that is not used.

use std::collections::{BTreeMap, BTreeSet};

use keyferry_parts::Moto;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::render::REPOSITORY;

/// Every action that keyferry calls, or that AWS checks when it does.
const USED: [&str; 16] = [
    "ecr:GetAuthorizationToken",
    "kms:Decrypt",
    "secretsmanager:BatchGetSecretValue",
    "secretsmanager:DescribeSecret",
    "secretsmanager:GetSecretValue",
    "secretsmanager:ListSecrets",
    "ssm:DescribeParameters",
    "ssm:GetParameter",
    "ssm:GetParameters",
    "ssm:GetParametersByPath",
    "ssm:ListTagsForResource",
    "sts:AssumeRole",
    "sts:AssumeRoleWithWebIdentity",
    "sts:TagSession",
    "ecr-public:GetAuthorizationToken",
    "sts:GetServiceBearerToken",
];

/// By file name, with the words in capitals put in.
fn policies() -> BTreeMap<String, Value> {
    let mut policies = BTreeMap::new();
    for entry in std::fs::read_dir(format!("{REPOSITORY}/examples/iam")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let mut text = std::fs::read_to_string(&path).unwrap();
            for (word, value) in [
                ("OTHER_ACCOUNT", "444455556666"),
                ("SERVICE_ACCOUNT", "keyferry"),
                ("ACCOUNT", "111122223333"),
                ("REGION", "eu-central-1"),
                ("ISSUER", "oidc.eks.eu-central-1.amazonaws.com/id/ABCDEF"),
                ("NAMESPACE", "keyferry"),
                ("KEY", "0f5ae3a2-0000-4000-8000-000000000000"),
            ] {
                text = text.replace(word, value);
            }
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            policies.insert(name, serde_json::from_str(&text).unwrap());
        }
    }
    policies
}

fn statements(policy: &Value) -> &[Value] {
    policy["Statement"].as_array().unwrap()
}

fn list(value: &Value) -> Vec<&str> {
    value.as_str().map_or_else(
        || {
            value
                .as_array()
                .unwrap()
                .iter()
                .map(|one| one.as_str().unwrap())
                .collect()
        },
        |one| vec![one],
    )
}

#[test]
fn policies_allow_nothing_that_is_not_used() {
    for (file, policy) in policies() {
        for statement in statements(&policy) {
            for action in list(&statement["Action"]) {
                let owner = statement["Sid"] == "TheOwningAccountAdministers";
                assert!(USED.contains(&action) || owner, "{file}: {action}");
            }
        }
    }
}

/// Each use that a template can be asked for has its policy.
#[test]
fn templates_allow_what_the_policies_allow_and_no_more() {
    let uses = [
        "assume-role",
        "batch",
        "find",
        "kms",
        "parameter-store",
        "parameter-store-find-by-tags",
        "read",
        "trust-irsa",
        "trust-pod-identity",
    ];
    let policies = policies();
    let mut wanted: BTreeSet<&str> = uses
        .iter()
        .flat_map(|name| statements(&policies[&format!("{name}.json")]))
        .flat_map(|statement| list(&statement["Action"]))
        .collect();
    // No action: the condition of kms.json.
    wanted.insert("kms:ViaService");
    let services = ["secretsmanager:", "sts:", "ssm:", "kms:", "ecr:"];
    for file in ["cloudformation.yaml", "keyferry.tf"] {
        let text = std::fs::read_to_string(format!("{REPOSITORY}/examples/iam/{file}")).unwrap();
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != ':');
        let actions: BTreeSet<_> = words
            .map(|word| word.trim_end_matches(':'))
            .filter(|word| services.iter().any(|service| word.starts_with(service)))
            .collect();
        assert_eq!(actions, wanted, "{file}");
    }
}

#[test]
fn values_and_keys_are_never_allowed_everywhere() {
    for (file, policy) in policies() {
        for statement in statements(&policy)
            .iter()
            .filter(|statement| statement["Principal"].is_null())
        {
            for action in list(&statement["Action"]) {
                let narrow = [
                    "secretsmanager:GetSecretValue",
                    "ssm:GetParameter",
                    "kms:Decrypt",
                    "sts:AssumeRole",
                ];
                assert!(
                    !narrow.contains(&action) || statement["Resource"] != "*",
                    "{file}: {action}"
                );
            }
        }
    }
}

#[test]
fn a_web_identity_is_trusted_by_audience_and_subject_only() {
    let policy = &policies()["trust-irsa.json"];
    let conditions = statements(policy)[0]["Condition"]["StringEquals"]
        .as_object()
        .unwrap();
    assert!(
        conditions.keys().any(|key| key.ends_with(":aud"))
            && conditions.keys().any(|key| key.ends_with(":sub"))
    );
    for (file, issuer) in [
        ("cloudformation.yaml", "${Issuer}"),
        ("keyferry.tf", "${local.issuer}"),
    ] {
        let text = std::fs::read_to_string(format!("{REPOSITORY}/examples/iam/{file}")).unwrap();
        for key in ["aud", "sub"] {
            assert!(text.contains(&format!("\"{issuer}:{key}\"")), "{file}: {key}");
        }
    }
}

#[test]
fn every_policy_is_explained() {
    let page = std::fs::read_to_string(format!("{REPOSITORY}/docs/eks.md")).unwrap();
    let readme = std::fs::read_to_string(format!("{REPOSITORY}/README.md")).unwrap();
    for file in policies().keys() {
        let link = format!("examples/iam/{file}");
        assert!(page.contains(&link) || readme.contains(&link), "{file}");
    }
}

/// moto has IAM's own checks of a document's grammar. It has none for policies of resources.
#[tokio::test]
async fn iam_accepts_every_policy() {
    let moto = Moto::shared().await.unwrap();
    for (file, policy) in policies() {
        let of_a_resource = file.starts_with("resource-policy") || file.starts_with("key-policy");
        let (action, document) = if file.starts_with("trust") {
            ("CreateRole&RoleName", "AssumeRolePolicyDocument")
        } else {
            ("CreatePolicy&PolicyName", "PolicyDocument")
        };
        if of_a_resource {
            continue;
        }
        let name = file.trim_end_matches(".json");
        let body = format!(
            "Version=2010-05-08&Action={action}={name}&{document}={}",
            encoded(&policy.to_string())
        );
        let answer = iam(moto.url(), &body).await;
        assert!(answer.contains("<Arn>"), "{file}: {answer}");
    }
    let wrong = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"GetSecretValue","Resource":"*"}]}"#;
    let body = format!(
        "Version=2010-05-08&Action=CreatePolicy&PolicyName=wrong&PolicyDocument={}",
        encoded(wrong)
    );
    let answer = iam(moto.url(), &body).await;
    assert!(
        answer.contains("MalformedPolicyDocument"),
        "the judge must judge: {answer}"
    );
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

async fn iam(url: &str, body: &str) -> String {
    let mut stream = tokio::net::TcpStream::connect(url.trim_start_matches("http://"))
        .await
        .unwrap();
    let request = format!(
        "POST / HTTP/1.0\r\nHost: iam.amazonaws.com\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=0\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}
