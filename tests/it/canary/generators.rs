//! What generators make, of each kind, and what their failures say.

use std::collections::BTreeMap;

use keyferry_parts::{FakeAws, Fault, When};
use serde_json::{Value, json};

use super::{appear_nowhere, canary};
use crate::{
    generators::{SEED, cluster_generator, from, generator, keys},
    world::{Operator, REGION, Space, Start, until},
};

/// Keys of what is made that are not said to be secret, or too short to look for.
const OPEN: &[&str] = &[
    "access_key_id",
    "expiration",
    "expires_at",
    "proxy_endpoint",
    "publicKey",
    "registry",
    "timeLeft",
    "token",
    "username",
];

fn using(entry: Value) -> Value {
    json!({ "refreshInterval": "1h", "dataFrom": [entry] })
}

/// An object whose template fails on what a generator makes.
fn quoting(kind: &str, name: &str, text: &str) -> Value {
    let mut spec = using(from(kind, name));
    spec["target"] = json!({ "template": { "data": { "t": text } } });
    spec
}

#[tokio::test(flavor = "multi_thread")]
async fn generated_values_appear_in_no_log_status_event_or_metric() {
    let space = Space::unserved().await;
    let aws = FakeAws::start().unwrap();
    let class = "canary-generators";
    let start = Start {
        class: Some(class.to_owned()),
        endpoint: Some(aws.url()),
        ..Start::default()
    };
    let operator = Operator::start(&start, class).await;
    // Objects of generators belong to the operator whose store they name.
    space.store_of(class).await;
    let mut values: Vec<_> = (0..4).map(canary).collect();
    for (secret, seed) in [("seed", SEED), ("no-seed", &*values[0])] {
        space.foreign_secret(secret, &[("totp", seed)]).await;
    }
    let seed = |name: &str| json!({ "secret": { "name": name, "key": "totp" } });
    let at = |auth: &Value| json!({ "region": REGION, "auth": auth });
    let user = keys(&space, "user", "AKIDGENERATOR").await;
    let refused = keys(&space, "refused", "AKIDREFUSED").await;
    let public = json!({ "region": "us-east-1", "scope": "public", "auth": user });
    let login = |n: usize| json!({ "data": { "user": values[n], "other": values[3] } });
    let passwords = json!({ "secretKeys": ["a", "b"], "length": 30 });
    let made = [
        ("Password", "password", passwords.clone()),
        ("UUID", "uuid", json!({})),
        ("SSHKey", "ssh", json!({ "keyType": "ecdsa" })),
        ("MFA", "mfa", seed("seed")),
        ("Fake", "fake", login(1)),
        ("ECRAuthorizationToken", "ecr", at(&user)),
        ("ECRAuthorizationToken", "ecr-public", public),
        ("STSSessionToken", "sts", at(&user)),
    ];
    for (kind, name, spec) in &made {
        generator(&space, kind, name, spec.clone()).await;
        space.apply(name, using(from(kind, name))).await;
    }
    let cluster = cluster_generator(&space, "all", "Password", json!({ "passwordSpec": passwords })).await;
    space
        .apply("cluster", using(from("ClusterGenerator", &cluster)))
        .await;
    let broken = json!({ "data": { "not a key": values[2] } });
    generator(&space, "Fake", "bad-key", broken).await;
    generator(&space, "MFA", "bad-seed", seed("no-seed")).await;
    for (kind, name) in [
        ("ECRAuthorizationToken", "bad-ecr"),
        ("STSSessionToken", "bad-sts"),
    ] {
        generator(&space, kind, name, at(&refused)).await;
    }
    let says = format!("{} may not, said {}", values[1], values[2]);
    let refusal = Fault::error(400, "AccessDeniedException", &says);
    let _refused = aws.inject(When::any().by("AKIDREFUSED"), refusal);
    let rewritten = |operation: Value| {
        let mut entry = from("Fake", "fake");
        entry["rewrite"] = json!([operation]);
        using(entry)
    };
    let one = json!({ "regexp": { "source": "user|other", "target": "x" } });
    let fails = json!({ "transform": { "template": "{{ fail .value }}" } });
    let failing = [
        ("bad-key", using(from("Fake", "bad-key")), "InvalidKey"),
        ("bad-seed", using(from("MFA", "bad-seed")), "GeneratorInvalid"),
        (
            "bad-ecr",
            using(from("ECRAuthorizationToken", "bad-ecr")),
            "AccessDenied",
        ),
        (
            "bad-sts",
            using(from("STSSessionToken", "bad-sts")),
            "CredentialsFailed",
        ),
        ("merged", rewritten(json!({ "merge": {} })), "NotJson"),
        ("one", rewritten(one), "KeyCollision"),
        ("transformed", rewritten(fails), "RewriteFailed"),
        (
            "quoted",
            quoting("Password", "password", "{{ fail .a }}"),
            "TemplateFailed",
        ),
        (
            "field",
            quoting("UUID", "uuid", "{{ .uuid.x }}"),
            "TemplateFailed",
        ),
        (
            "json",
            quoting("SSHKey", "ssh", "{{ mustFromJson .privateKey }}"),
            "TemplateFailed",
        ),
        (
            "date",
            quoting(
                "STSSessionToken",
                "sts",
                "{{ mustToDate \"2006\" .session_token }}",
            ),
            "TemplateFailed",
        ),
        (
            "regexp",
            quoting(
                "ECRAuthorizationToken",
                "ecr",
                "{{ mustRegexFind (cat \"(\" .password) \"\" }}",
            ),
            "TemplateFailed",
        ),
    ];
    for (name, spec, _) in &failing {
        space.apply(name, spec.clone()).await;
    }
    // What was made first, and what is made when another is asked for.
    for name in made.map(|(_, name, _)| name).into_iter().chain(["cluster"]) {
        space.ready(name, "True").await;
        let first = space.data(name).await.unwrap();
        values.extend(secret_parts(&first));
        if ["fake", "mfa"].contains(&name) {
            continue;
        }
        space.annotate(name, "force-sync", "1").await;
        let second = until(&format!("{name} to be made anew"), || async {
            let now = space.data(name).await.unwrap();
            if now == first { Err(String::new()) } else { Ok(now) }
        })
        .await;
        values.extend(secret_parts(&second));
    }
    for (name, _, cause) in &failing {
        space.fails(name, cause).await;
    }
    values.push(SEED.to_owned());
    appear_nowhere(&space, &operator, &values, failing.len(), vec![]).await;
    operator.kill().await;
}

/// What is secret of it: of a key on several lines, the first one that is no headline.
fn secret_parts(data: &BTreeMap<String, String>) -> Vec<String> {
    let secret = data.iter().filter(|(key, _)| !OPEN.contains(&key.as_str()));
    let parts: Vec<_> = secret
        .map(|(_, value)| value.lines().nth(1).unwrap_or(value).to_owned())
        .collect();
    assert!(
        parts.iter().all(|part| part.len() >= 20),
        "long enough to look for: {parts:?}"
    );
    parts
}
