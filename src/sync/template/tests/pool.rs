//! Costly templates and cheap ones, side by side.

use super::{super::pool::Pool, *};

async fn fill_in(pool: &Pool, namespace: &str, text: &str) -> Result<Filled, Failure> {
    let template = Arc::new(parse(&json!({ "data": { "k": text } })).unwrap());
    let (read, texts) = (Arc::new(read()), Arc::new(Texts::new()));
    pool.fill(namespace, &template, &read, &Kept::Nothing, &texts)
        .await
}

#[tokio::test]
async fn costly_templates_are_filled_on_a_thread_of_their_own_and_others_at_once() {
    let pool = Pool::default();
    let costly = "{{ .password | bcrypt | trunc 4 }}";
    let filled = fill_in(&pool, "team", costly).await.unwrap();
    assert_eq!(shown(&filled.data), BTreeMap::from([("k", "$2a$")]));
    let filled = fill_in(&pool, "team", "{{ .user }}").await.unwrap();
    assert_eq!(shown(&filled.data), BTreeMap::from([("k", "admin")]));
}

#[tokio::test]
async fn a_hostile_template_holds_up_only_costly_ones_of_its_own_namespace() {
    let pool = Pool::default();
    let hostile = "{{ range until 100000 }}{{ range until 100000 }}{{ end }}{{ end }}";
    let (hostile, other, cheap) = tokio::join!(
        fill_in(&pool, "hostile", hostile),
        fill_in(&pool, "team", "{{ .password | bcrypt | trunc 4 }}"),
        fill_in(&pool, "hostile", "{{ .user }}"),
    );
    assert_eq!(hostile.err().unwrap().cause, Cause::TemplateTooCostly);
    assert!(other.is_ok() && cheap.is_ok());
}
