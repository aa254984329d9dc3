//! Claims and the identities made of them.

use proptest::prelude::*;

use super::*;
use crate::{
    api::{
        auth::{AwsAuth, SessionTag},
        secret_store::AwsService,
        selectors::ServiceAccountSelector,
    },
    aws::error::Class,
};

fn provider() -> AwsProvider {
    AwsProvider {
        service: AwsService::SecretsManager,
        region: "eu-west-1".to_owned(),
        auth: None,
        role: None,
        additional_roles: None,
        external_id: None,
        session_tags: None,
        transitive_tag_keys: None,
        session_tags_policy: None,
        custom_session_tags: None,
        secrets_manager: None,
        prefix: None,
    }
}

fn namespaced<'a>(aws: &'a AwsProvider, namespace: &'a str) -> StoreScope<'a> {
    StoreScope {
        kind: StoreKind::SecretStore,
        store_namespace: Some(namespace),
        name: "store",
        uid: "uid",
        generation: 1,
        aws,
        retry: None,
        object_namespace: namespace,
    }
}

fn cluster_wide<'a>(aws: &'a AwsProvider, object_namespace: &'a str) -> StoreScope<'a> {
    StoreScope {
        kind: StoreKind::ClusterSecretStore,
        store_namespace: None,
        object_namespace,
        ..namespaced(aws, "")
    }
}

fn claim(scope: &StoreScope<'_>) -> Result<Claim, Error> {
    Claim::of(scope, None, false, Purpose::Read)
}

fn jwt(name: &str, namespace: Option<&str>) -> AwsAuth {
    AwsAuth {
        jwt: Some(AwsJwtAuth {
            service_account_ref: Some(ServiceAccountSelector {
                name: name.to_owned(),
                namespace: namespace.map(str::to_owned),
                audiences: None,
            }),
        }),
        secret_ref: None,
    }
}

fn keys(namespace: Option<&str>, key: &str) -> AwsAuthSecretRef {
    let selector = |key: &str| SecretKeySelector {
        name: Some("keys".to_owned()),
        namespace: namespace.map(str::to_owned),
        key: Some(key.to_owned()),
    };
    AwsAuthSecretRef {
        access_key_id: Some(selector("id")),
        secret_access_key: Some(selector(key)),
        session_token: None,
    }
}

const ROLE: &str = "arn:aws:iam::111122223333:role/reader";

#[test]
fn a_token_is_preferred_to_keys_and_keys_to_the_operators_own_identity() {
    let mut aws = provider();
    assert_eq!(
        claim(&namespaced(&aws, "a")).unwrap().source,
        ClaimedSource::Operator
    );
    aws.auth = Some(AwsAuth {
        jwt: None,
        secret_ref: Some(keys(None, "secret")),
    });
    assert!(matches!(
        claim(&namespaced(&aws, "a")).unwrap().source,
        ClaimedSource::Secret { .. }
    ));
    aws.auth.as_mut().unwrap().jwt = jwt("reader", None).jwt;
    assert!(matches!(
        claim(&namespaced(&aws, "a")).unwrap().source,
        ClaimedSource::ServiceAccount { .. }
    ));
}

#[test]
fn an_empty_jwt_is_a_clear_error() {
    let mut aws = provider();
    aws.auth = Some(AwsAuth {
        jwt: Some(AwsJwtAuth::default()),
        secret_ref: Some(keys(None, "secret")),
    });
    let error = claim(&namespaced(&aws, "a")).unwrap_err();
    assert_eq!(
        (error.class, error.text.contains("names no ServiceAccount")),
        (Class::Config, true),
        "{error}"
    );
}

#[test]
fn a_namespaced_store_cannot_look_into_another_namespace() {
    let mut aws = provider();
    aws.auth = Some(jwt("reader", Some("other")));
    assert!(
        claim(&namespaced(&aws, "mine"))
            .unwrap_err()
            .text
            .starts_with("invalid Auth.JWT.ServiceAccountRef: ")
    );
    aws.auth = Some(jwt("reader", Some("mine")));
    assert!(claim(&namespaced(&aws, "mine")).is_ok());
    aws.auth = Some(AwsAuth {
        jwt: None,
        secret_ref: Some(keys(Some("other"), "secret")),
    });
    let error = claim(&namespaced(&aws, "mine")).unwrap_err();
    assert!(
        error.text.starts_with("invalid Auth.SecretRef.SecretAccessKey: "),
        "{error}"
    );
}

#[test]
fn a_cluster_store_looks_where_it_says_or_where_its_user_is() {
    let mut aws = provider();
    let namespace = |claim: Claim| match claim.source {
        ClaimedSource::ServiceAccount { namespace, .. } => namespace,
        _ => String::new(),
    };
    aws.auth = Some(jwt("reader", None));
    assert_eq!(namespace(claim(&cluster_wide(&aws, "user")).unwrap()), "user");
    assert!(crate::aws::is_referent(&aws));
    assert_eq!(claim(&cluster_wide(&aws, "")).unwrap_err().class, Class::Config);
    aws.auth = Some(jwt("reader", Some("infra")));
    assert_eq!(namespace(claim(&cluster_wide(&aws, "user")).unwrap()), "infra");
    assert!(!crate::aws::is_referent(&aws));
}

#[test]
fn external_id_and_tags_go_with_the_last_role_only() {
    let mut aws = provider();
    aws.additional_roles = Some(vec!["arn:aws:iam::1:role/hub".to_owned()]);
    aws.role = Some(ROLE.to_owned());
    aws.external_id = Some("ext".to_owned());
    aws.session_tags = Some(vec![SessionTag {
        key: "team".to_owned(),
        value: "a".to_owned(),
    }]);
    aws.transitive_tag_keys = Some(vec!["team".to_owned()]);
    let chain = claim(&namespaced(&aws, "a")).unwrap().chain;
    assert_eq!(chain[0], Role::plain("arn:aws:iam::1:role/hub".to_owned()));
    assert_eq!(chain[1].external_id.as_deref(), Some("ext"));
    assert_eq!(chain[1].tags, [("team".to_owned(), "a".to_owned())]);
    assert_eq!(chain[1].transitive_tag_keys, ["team"]);
    aws.role = None;
    assert_eq!(claim(&namespaced(&aws, "a")).unwrap().chain.len(), 1);
}

#[test]
fn tag_policies_replace_the_manual_tags() {
    let mut aws = provider();
    aws.role = Some(ROLE.to_owned());
    aws.session_tags = Some(vec![SessionTag {
        key: "team".to_owned(),
        value: "a".to_owned(),
    }]);
    let tags = |aws: &AwsProvider| {
        let chain = claim(&cluster_wide(aws, "user")).unwrap().chain;
        chain[0]
            .tags
            .iter()
            .map(|(k, v)| format!("{k}={v}"))
            .collect::<Vec<_>>()
            .join(" ")
    };
    aws.session_tags_policy = Some(SessionTagsPolicy::Simple);
    let simple = "esoNamespace=user esoStoreKind=ClusterSecretStore esoStoreName=store";
    assert_eq!(tags(&aws), simple);
    aws.session_tags_policy = Some(SessionTagsPolicy::Custom);
    let custom = [
        ("cost", "1"),
        ("empty", ""),
        ("", "x"),
        ("esoNamespace", "forged"),
    ];
    aws.custom_session_tags = Some(custom.map(|(k, v)| (k.to_owned(), v.to_owned())).into());
    assert_eq!(tags(&aws), format!("cost=1 {simple}"));
}

#[test]
fn validation_leaves_out_a_role_whose_tags_name_a_namespace_that_is_not_known() {
    let mut aws = provider();
    aws.role = Some(ROLE.to_owned());
    aws.session_tags_policy = Some(SessionTagsPolicy::Simple);
    let validated = Claim::of(&cluster_wide(&aws, ""), None, false, Purpose::Validate).unwrap();
    assert!(validated.chain.is_empty());
    let validated = Claim::of(&namespaced(&aws, "a"), None, false, Purpose::Validate).unwrap();
    assert_eq!(validated.chain.len(), 1);
}

#[test]
fn a_region_is_a_label_of_a_host_name() {
    let mut aws = provider();
    for bad in ["", "noop.", "a b", "-x", "evil.example/", "x@y"] {
        aws.region = bad.to_owned();
        assert_eq!(
            claim(&namespaced(&aws, "a")).unwrap_err().text,
            format!("region not found: {bad}")
        );
    }
    for (pseudo, region) in [("fips-us-east-1", "us-east-1"), ("us-east-1-fips", "us-east-1")] {
        aws.region = pseudo.to_owned();
        let claim = claim(&namespaced(&aws, "a")).unwrap();
        assert_eq!((claim.region.as_str(), claim.fips), (region, true));
    }
}

#[test]
fn a_role_must_be_an_arn() {
    let mut aws = provider();
    aws.role = Some("team-b".to_owned());
    assert_eq!(claim(&namespaced(&aws, "a")).unwrap_err().class, Class::Config);
}

/// Differs: docs/differences.md#session-names.
#[test]
fn session_names_tell_clusters_and_stores_apart_and_fit() {
    let aws = provider();
    assert_eq!(
        session_name(&namespaced(&aws, "ns"), None),
        "external-secrets-provider-aws"
    );
    assert_eq!(
        session_name(&namespaced(&aws, "ns"), Some("prod/eu")),
        "prod-eu.ns.store"
    );
    assert_eq!(
        session_name(&cluster_wide(&aws, "user"), Some("prod")),
        "prod.store"
    );
    let long = "x".repeat(80);
    let one = session_name(&namespaced(&aws, &long), Some("prod"));
    let other = session_name(&namespaced(&aws, &format!("{long}y")), Some("prod"));
    assert_eq!((one.len(), other.len()), (64, 64));
    assert_ne!(one, other);
}

#[test]
fn audiences_keep_their_order_and_the_annotation_comes_first() {
    let mut aws = provider();
    aws.auth = Some(jwt("reader", None));
    let account = aws
        .auth
        .as_mut()
        .unwrap()
        .jwt
        .as_mut()
        .unwrap()
        .service_account_ref
        .as_mut()
        .unwrap();
    account.audiences = Some(vec!["extra".to_owned()]);
    let resolve = |audience: Option<&str>| {
        let found = Found::ServiceAccount {
            uid: "u".to_owned(),
            role: ROLE.to_owned(),
            audience: audience.map(str::to_owned),
        };
        match claim(&namespaced(&aws, "a"))
            .unwrap()
            .resolve(found)
            .unwrap()
            .source
        {
            Source::ServiceAccount { audiences, .. } => audiences,
            _ => Vec::new(),
        }
    };
    assert_eq!(resolve(None), ["sts.amazonaws.com", "extra"]);
    assert_eq!(resolve(Some("amazonaws.com")), ["amazonaws.com", "extra"]);
}

/// Everything that makes AWS answer differently, drawn from few values so that near misses are common.
#[derive(Clone, Debug, PartialEq)]
struct Facts {
    region: &'static str,
    auth: u8,
    namespace: &'static str,
    name: &'static str,
    key: &'static str,
    state: (&'static str, &'static str),
    annotated_role: &'static str,
    audience: Option<&'static str>,
    extra_audiences: Vec<&'static str>,
    roles: Vec<&'static str>,
    role: bool,
    external_id: Option<&'static str>,
    tags: Vec<(&'static str, &'static str)>,
    transitive: Vec<&'static str>,
    policy: u8,
    cluster: Option<&'static str>,
}

fn facts() -> impl Strategy<Value = Facts> {
    let few = |values: &'static [&'static str]| prop::sample::select(values);
    let who = (
        few(&["eu-west-1", "us-east-1", "fips-us-east-1"]),
        0u8..3,
        few(&["a", "b"]),
        few(&["x", "y"]),
        few(&["k", "l"]),
        (few(&["u1", "u2"]), few(&["1", "2"])),
        few(&["arn:aws:iam::1:role/a", "arn:aws:iam::2:role/a"]),
        prop::option::of(few(&["sts.amazonaws.com", "other"])),
        prop::collection::vec(few(&["other", "third"]), 0..2),
    );
    let how = (
        prop::collection::vec(few(&["arn:aws:iam::1:role/a", "arn:aws:iam::2:role/a"]), 0..3),
        any::<bool>(),
        prop::option::of(few(&["e", "f"])),
        prop::collection::vec((few(&["t", "u"]), few(&["1", "2"])), 0..2),
        prop::collection::vec(few(&["t", "u"]), 0..2),
        0u8..3,
        prop::option::of(few(&["prod", "dev"])),
    );
    (who, how).prop_map(
        |(
            (region, auth, namespace, name, key, state, annotated_role, audience, extra_audiences),
            (roles, role, external_id, tags, transitive, policy, cluster),
        )| Facts {
            region,
            auth,
            namespace,
            name,
            key,
            state,
            annotated_role,
            audience,
            extra_audiences,
            roles,
            role,
            external_id,
            tags,
            transitive,
            policy,
            cluster,
        },
    )
}

const LAST: &str = "arn:aws:iam::1:role/a";

fn identity_of(facts: &Facts) -> Identity {
    let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
    let mut aws = provider();
    aws.region = facts.region.to_owned();
    aws.auth = match facts.auth {
        0 => None,
        1 => Some(AwsAuth {
            jwt: None,
            secret_ref: Some(keys(None, facts.key)),
        }),
        _ => {
            let mut auth = jwt(facts.name, None);
            auth.jwt
                .as_mut()
                .unwrap()
                .service_account_ref
                .as_mut()
                .unwrap()
                .audiences = Some(owned(&facts.extra_audiences));
            Some(auth)
        }
    };
    aws.additional_roles = Some(owned(&facts.roles));
    aws.role = facts.role.then(|| LAST.to_owned());
    aws.external_id = facts.external_id.map(str::to_owned);
    let tag = |&(key, value): &(&str, &str)| SessionTag {
        key: key.to_owned(),
        value: value.to_owned(),
    };
    aws.session_tags = Some(facts.tags.iter().map(tag).collect());
    aws.transitive_tag_keys = Some(owned(&facts.transitive));
    aws.session_tags_policy = Some(
        [
            SessionTagsPolicy::None,
            SessionTagsPolicy::Simple,
            SessionTagsPolicy::Custom,
        ][usize::from(facts.policy)],
    );
    let scope = namespaced(&aws, facts.namespace);
    let state = || State {
        uid: facts.state.0.to_owned(),
        resource_version: facts.state.1.to_owned(),
    };
    let found = match facts.auth {
        0 => Found::Operator,
        1 => Found::Secret {
            access_key_id: state(),
            secret_access_key: state(),
            session_token: None,
        },
        _ => Found::ServiceAccount {
            uid: facts.state.0.to_owned(),
            role: facts.annotated_role.to_owned(),
            audience: facts.audience.map(str::to_owned),
        },
    };
    Claim::of(&scope, facts.cluster, false, Purpose::Read)
        .unwrap()
        .resolve(found)
        .unwrap()
}

/// What AWS can tell apart of these facts, written down a second time, plainly.
fn seen_by_aws(facts: &Facts) -> String {
    use std::fmt::Write as _;
    let mut seen = format!("region {}", facts.region);
    match facts.auth {
        0 => seen.push_str(" operator"),
        1 => write!(seen, " keys {} {} {:?}", facts.namespace, facts.key, facts.state).unwrap(),
        _ => {
            let first = facts.audience.unwrap_or("sts.amazonaws.com");
            write!(
                seen,
                " account {} {} {}",
                facts.namespace, facts.name, facts.state.0
            )
            .unwrap();
            write!(
                seen,
                " {} {first} {:?}",
                facts.annotated_role, facts.extra_audiences
            )
            .unwrap();
        }
    }
    let mut chain: Vec<String> = facts.roles.iter().map(|role| format!("{role} - -")).collect();
    if facts.role {
        let tags = if facts.policy == 0 {
            let mut tags = facts.tags.clone();
            tags.sort_unstable();
            format!("{tags:?}")
        } else {
            format!("own tags of {}", facts.namespace)
        };
        let mut transitive = facts.transitive.clone();
        transitive.sort_unstable();
        transitive.dedup();
        chain.push(format!(
            "{LAST} {} {tags} {transitive:?}",
            facts.external_id.unwrap_or_default()
        ));
        // A last role with nothing special is the same call as an additional one.
        if facts.external_id.is_none() && tags == "[]" && transitive.is_empty() {
            chain.pop();
            chain.push(format!("{LAST} - -"));
        }
    }
    write!(seen, " chain {chain:?}").unwrap();
    if facts.auth == 2 || !chain.is_empty() {
        let session = facts
            .cluster
            .map_or_else(|| "fixed".to_owned(), |c| format!("{c}.{}", facts.namespace));
        write!(seen, " session {session}").unwrap();
    }
    seen
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn identities_are_equal_exactly_where_aws_could_not_tell_them_apart(one in facts(), other in facts()) {
        let equal = identity_of(&one) == identity_of(&other);
        prop_assert_eq!(equal, seen_by_aws(&one) == seen_by_aws(&other));
    }

    #[test]
    fn changing_one_fact_never_leaves_a_tenant_with_anothers_identity(one in facts(), other in facts(), which in 0usize..16) {
        let mut near = one.clone();
        match which {
            0 => near.region = other.region,
            1 => near.auth = other.auth,
            2 => near.namespace = other.namespace,
            3 => near.name = other.name,
            4 => near.key = other.key,
            5 => near.state = other.state,
            6 => near.annotated_role = other.annotated_role,
            7 => near.audience = other.audience,
            8 => near.extra_audiences = other.extra_audiences,
            9 => near.roles = other.roles,
            10 => near.role = other.role,
            11 => near.external_id = other.external_id,
            12 => near.tags = other.tags,
            13 => near.transitive = other.transitive,
            14 => near.policy = other.policy,
            _ => near.cluster = other.cluster,
        }
        let equal = identity_of(&one) == identity_of(&near);
        prop_assert_eq!(equal, seen_by_aws(&one) == seen_by_aws(&near));
    }
}
