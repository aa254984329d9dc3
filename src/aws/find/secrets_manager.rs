//! Finding secrets.
//!
//! AWS's filters match where a name or tag begins, and a tag's key and value each by itself. A path alone says what such a
//! filter says, and batches take it; everything else is listed, matched here, and then read.

use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType, SecretListEntry};
use tokio::time::Instant;

use super::{Haul, MOST_PAGES, Query, Search, endless};
use crate::aws::{
    clients::secretsmanager_as,
    error::{Api, Class, Error},
    permission::Sharing,
    secrets_manager::{BATCHING, GET, batch_name, current},
    settings::Batch,
};

const LIST: &str = "ListSecrets";
/// Secrets on one page of a list.
const LISTED: i32 = 100;
/// Filters of one call. What they cannot say is matched here.
const MOST_FILTERS: usize = 10;

pub(super) async fn find(search: &Search<'_>) -> Result<Haul, Error> {
    let query = search.query;
    let start = query.start(query.path.as_deref().unwrap_or_default());
    if query.tags.is_empty()
        && is_filterable(&start)
        && may_batch(search)
        && let Some(haul) = by_path(search, &start).await?
    {
        return Ok(haul);
    }
    let names = list(search, &start).await?;
    search.read_all(names).await
}

fn may_batch(search: &Search<'_>) -> bool {
    let desks = search.desks;
    desks.line().settings.batch == Batch::Auto
        && desks
            .permissions()
            .sharing(search.identity, BATCHING.action, Instant::now())
            != Sharing::Never
}

/// Values by the beginning of their names. Nothing where the role does not allow it: that needs a permission more than
/// single reads do.
async fn by_path(search: &Search<'_>, start: &str) -> Result<Option<Haul>, Error> {
    let mut haul = Haul::default();
    // What a page gives no value for is read by itself.
    let mut holes = Vec::new();
    let mut next: Option<String> = None;
    for _ in 0..MOST_PAGES {
        let token = &next;
        let sent = search.call(BATCHING.api, BATCHING.limit, |identity, session| async move {
            let client = search.desks.line().clients.secrets_manager(&identity);
            let sent = client
                .batch_get_secret_value()
                .filters(filter(FilterNameStringType::Name, start))
                .set_next_token(token.clone())
                .customize()
                .config_override(secretsmanager_as(&session.credentials))
                .send()
                .await;
            sent.map_err(|error| Error::of_call(Api::Store, BATCHING.api, &error))
        });
        let (page, mut share) = match sent.await {
            Ok(page) => page,
            Err(error) if error.class == Class::Denied => return Ok(None),
            Err(error) => return Err(error),
        };
        for entry in page.secret_values.unwrap_or_default() {
            let name = entry.name.clone().unwrap_or_default();
            if !is_wanted(search.query, start, &name) {
                continue;
            }
            match current(entry) {
                Some(mut answer) => {
                    answer.share = share.split(answer.size());
                    haul.add(name, Ok(answer.into()))?;
                }
                None => holes.push(name),
            }
        }
        for failure in page.errors.unwrap_or_default() {
            let id = failure.secret_id.unwrap_or_default();
            let name = batch_name(&id).unwrap_or(&id);
            if !is_wanted(search.query, start, name) {
                continue;
            }
            let message = failure.message.as_deref().unwrap_or_default();
            let error = Error::answered(Api::Store, GET, failure.error_code.as_deref(), message, None);
            if error.class == Class::Transient {
                holes.push(id);
            } else {
                haul.add(name.to_owned(), Err(error))?;
            }
        }
        next = page.next_token;
        if next.is_none() {
            for name in holes {
                let result = search.read(&name).await;
                haul.add(batch_name(&name).unwrap_or(&name).to_owned(), result)?;
            }
            return Ok(Some(haul));
        }
    }
    Err(endless(BATCHING.api))
}

/// Names of all secrets that match.
async fn list(search: &Search<'_>, start: &str) -> Result<Vec<String>, Error> {
    let filters = filters(search.query, start);
    let mut names = Vec::new();
    let mut next: Option<String> = None;
    for _ in 0..MOST_PAGES {
        let (token, filters) = (&next, &filters);
        let sent = search.call(LIST, 0, |identity, session| async move {
            let client = search.desks.line().clients.secrets_manager(&identity);
            let sent = client
                .list_secrets()
                .max_results(LISTED)
                .set_filters((!filters.is_empty()).then(|| filters.clone()))
                .set_next_token(token.clone())
                .customize()
                .config_override(secretsmanager_as(&session.credentials))
                .send()
                .await;
            sent.map_err(|error| Error::of_call(Api::Store, LIST, &error))
        });
        let (page, _) = sent.await?;
        for entry in page.secret_list.unwrap_or_default() {
            if carries(&entry, search.query)
                && let Some(name) = entry.name
                && is_wanted(search.query, start, &name)
            {
                names.push(name);
            }
        }
        next = page.next_token;
        if next.is_none() {
            return Ok(names);
        }
    }
    Err(endless(LIST))
}

fn is_wanted(query: &Query, start: &str, name: &str) -> bool {
    !name.is_empty() && name.starts_with(start) && query.matches(name)
}

/// Whether a secret has every tag that is asked for, with just that value.
fn carries(entry: &SecretListEntry, query: &Query) -> bool {
    entry.deleted_date.is_none()
        && query.tags.iter().all(|(key, value)| {
            let same = |tag: &aws_sdk_secretsmanager::types::Tag| {
                tag.key() == Some(key) && tag.value().unwrap_or_default() == value
            };
            entry.tags().iter().any(same)
        })
}

/// As many filters as a call takes; they only make the list shorter.
fn filters(query: &Query, start: &str) -> Vec<Filter> {
    let name = [(FilterNameStringType::Name, start)].into_iter();
    let tags = query.tags.iter().flat_map(|(key, value)| {
        [
            (FilterNameStringType::TagKey, key.as_str()),
            (FilterNameStringType::TagValue, value.as_str()),
        ]
    });
    name.chain(tags)
        .filter(|(_, value)| is_filterable(value))
        .take(MOST_FILTERS)
        .map(|(key, value)| filter(key, value))
        .collect()
}

fn filter(key: FilterNameStringType, value: &str) -> Filter {
    Filter::builder().key(key).values(value).build()
}

/// Whether AWS takes a text as a filter's value. An exclamation mark at its beginning would turn its meaning around.
fn is_filterable(value: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b" :_@/+=.-!".contains(&b);
    (1..=512).contains(&value.len()) && !value.starts_with('!') && value.bytes().all(allowed)
}
