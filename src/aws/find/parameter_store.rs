//! Finding parameters.
//!
//! `GetParametersByPath` brings values along; a role that lacks it, or a tag that is asked for, takes the way over
//! `DescribeParameters` and reads in tens.

use std::collections::BTreeSet;

use aws_sdk_ssm::types::ParameterStringFilter;
use tokio::time::Instant;

use super::{Haul, MOST_PAGES, Query, Search, endless};
use crate::aws::{
    clients::ssm_as,
    error::{Api, Class, Error},
    parameter_store::value,
};

const BY_PATH: &str = "GetParametersByPath";
const BY_PATH_ACTION: &str = "ssm:GetParametersByPath";
const DESCRIBE: &str = "DescribeParameters";
/// Parameters on one page.
const ON_PATH: i32 = 10;
const DESCRIBED: i32 = 50;
/// Tags that are asked for in one list. Of more, several lists are intersected.
const TAGS_AT_ONCE: usize = 10;

/// Where to look.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    /// The lowest level that holds everything.
    path: String,
    /// What names begin with.
    start: String,
}

pub(super) async fn find(search: &Search<'_>) -> Result<Haul, Error> {
    let place = Place::of(search.query)?;
    let mut refused = None;
    if search.query.tags.is_empty() && place.is_hierarchical() {
        match by_path(search, &place).await {
            // A key that cannot be used fails all below the path; a list leaves out those that are not wanted.
            Err(error) if matches!(error.class, Class::Denied | Class::Kms) => refused = Some(error),
            other => return other,
        }
    }
    let names = match described(search, &place).await {
        // The permission that is less is the one to ask for.
        Err(error) if error.class == Class::Denied => return Err(refused.unwrap_or(error)),
        other => other?,
    };
    search.read_all(names).await
}

impl Place {
    fn of(query: &Query) -> Result<Self, Error> {
        let invalid = |text: String| Err(Error::new(Class::Invalid, "find", text));
        if let Some((key, _)) = query.tags.iter().find(|(_, value)| value.is_empty()) {
            return invalid(format!(
                "Parameter Store cannot look for a tag without a value; give find.tags[{key}] one, or leave it out"
            ));
        }
        // A path ends between two levels, a prefix anywhere.
        let path = query.path.as_deref().filter(|path| !path.is_empty());
        let path = path.map(|path| format!("{}/", path.trim_end_matches('/')));
        let start = query.start(path.as_deref().unwrap_or_default());
        if path.is_some() && !start.starts_with('/') {
            return invalid(format!(
                "find.path must begin with /, as the names of parameters in levels do: {start:?}"
            ));
        }
        let level = start.rsplit_once('/').map_or("", |(level, _)| level);
        let path = if level.is_empty() { "/" } else { level };
        Ok(Self {
            path: path.to_owned(),
            start,
        })
    }

    /// Whether a path leads there. Names need not begin with a slash.
    fn is_hierarchical(&self) -> bool {
        self.start.is_empty() || self.start.starts_with('/')
    }

    fn holds(&self, name: &str) -> bool {
        // The root holds names without a slash too.
        self.start == "/" || name.starts_with(&self.start)
    }
}

async fn by_path(search: &Search<'_>, place: &Place) -> Result<Haul, Error> {
    let mut haul = Haul::default();
    let mut next: Option<String> = None;
    for _ in 0..MOST_PAGES {
        let token = &next;
        let values = usize::try_from(ON_PATH).unwrap_or_default();
        let sent = search.call(BY_PATH, values, |identity, session| async move {
            let client = search.desks.line().clients.ssm(&identity);
            let sent = client
                .get_parameters_by_path()
                .path(&place.path)
                .recursive(true)
                .with_decryption(true)
                .max_results(ON_PATH)
                .set_next_token(token.clone())
                .customize()
                .config_override(ssm_as(&session.credentials))
                .send()
                .await;
            sent.map_err(|error| Error::of_call(Api::Store, BY_PATH, &error))
        });
        let sent = sent.await;
        let denied = sent.as_ref().is_err_and(|error| error.class == Class::Denied);
        if denied || sent.is_ok() {
            search.desks.permissions().learn(
                search.identity,
                BY_PATH_ACTION,
                &sent.as_ref().map_err(Clone::clone),
                Instant::now(),
            );
        }
        let (page, mut share) = sent?;
        for parameter in page.parameters.unwrap_or_default() {
            let Some(name) = parameter.name.clone() else {
                continue;
            };
            if !place.holds(&name) || !search.query.matches(&name) {
                continue;
            }
            let mut answer = value(parameter);
            answer.share = share.split(answer.size());
            haul.add(name, Ok(answer.into()))?;
        }
        next = page.next_token;
        if next.is_none() {
            return Ok(haul);
        }
    }
    Err(endless(BY_PATH))
}

/// Names of all parameters that match.
async fn described(search: &Search<'_>, place: &Place) -> Result<BTreeSet<String>, Error> {
    let tags: Vec<_> = search.query.tags.iter().collect();
    let mut lists = tags.chunks(TAGS_AT_ONCE);
    let mut names = describe(search, place, lists.next().unwrap_or_default()).await?;
    for tags in lists {
        let also = describe(search, place, tags).await?;
        names.retain(|name| also.contains(name));
    }
    Ok(names)
}

async fn describe(
    search: &Search<'_>,
    place: &Place,
    tags: &[(&String, &String)],
) -> Result<BTreeSet<String>, Error> {
    let filters = filters(place, tags)?;
    let mut names = BTreeSet::new();
    let mut next: Option<String> = None;
    for _ in 0..MOST_PAGES {
        let (token, filters) = (&next, &filters);
        let sent = search.call(DESCRIBE, 0, |identity, session| async move {
            let client = search.desks.line().clients.ssm(&identity);
            let sent = client
                .describe_parameters()
                .max_results(DESCRIBED)
                .set_parameter_filters((!filters.is_empty()).then(|| filters.clone()))
                .set_next_token(token.clone())
                .customize()
                .config_override(ssm_as(&session.credentials))
                .send()
                .await;
            sent.map_err(|error| Error::of_call(Api::Store, DESCRIBE, &error))
        });
        let (page, _) = sent.await?;
        let described = page.parameters.unwrap_or_default().into_iter();
        names.extend(
            described
                .filter_map(|parameter| parameter.name)
                .filter(|name| place.holds(name) && search.query.matches(name)),
        );
        next = page.next_token;
        if next.is_none() {
            return Ok(names);
        }
    }
    Err(endless(DESCRIBE))
}

fn filters(place: &Place, tags: &[(&String, &String)]) -> Result<Vec<ParameterStringFilter>, Error> {
    let tags = tags
        .iter()
        .map(|(key, value)| (format!("tag:{key}"), "Equals", value.as_str()));
    let under = if !place.is_hierarchical() {
        Some(("Name".to_owned(), "BeginsWith", place.start.as_str()))
    } else if place.path != "/" {
        Some(("Path".to_owned(), "Recursive", place.path.as_str()))
    } else {
        None
    };
    tags.chain(under)
        .map(|(key, option, value)| {
            let filter = ParameterStringFilter::builder()
                .key(key)
                .option(option)
                .values(value);
            filter.build().map_err(|_| {
                Error::new(
                    Class::Invalid,
                    DESCRIBE,
                    "a filter cannot be built from what the object says",
                )
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::secret_store::AwsService;

    fn place(prefix: &str, path: &str) -> Result<(String, String), Class> {
        let query = Query {
            service: AwsService::ParameterStore,
            prefix: Some(prefix.to_owned()),
            path: Some(path.to_owned()),
            name: None,
            tags: std::collections::BTreeMap::new(),
        };
        Place::of(&query)
            .map(|place| (place.path, place.start))
            .map_err(|error| error.class)
    }

    #[expect(clippy::unnecessary_wraps, reason = "what a place is compared with")]
    fn is(path: &str, start: &str) -> Result<(String, String), Class> {
        Ok((path.to_owned(), start.to_owned()))
    }

    #[test]
    fn a_path_ends_between_levels_and_follows_the_prefix_once() {
        assert_eq!(place("", ""), is("/", ""));
        assert_eq!(place("", "/"), is("/", "/"));
        assert_eq!(place("", "/app"), is("/app", "/app/"));
        assert_eq!(place("", "/app/"), is("/app", "/app/"));
        assert_eq!(place("/prod/", ""), is("/prod", "/prod/"));
        assert_eq!(place("/prod/", "app"), is("/prod/app", "/prod/app/"));
        assert_eq!(place("/prod", "/app"), is("/prod/app", "/prod/app/"));
        assert_eq!(place("/prod/", "/prod/app"), is("/prod/app", "/prod/app/"));
        assert_eq!(place("/prod/", "/prod"), is("/prod", "/prod/"));
        assert_eq!(place("/prod/app-", "/"), is("/prod", "/prod/app-"));
        assert_eq!(place("/a/a", "/a"), is("/a", "/a/a"));
        assert_eq!(place("/prod/app-", ""), is("/prod", "/prod/app-"));
        assert_eq!(place("team-", ""), is("/", "team-"));
        assert_eq!(place("", "app"), Err(Class::Invalid));
        assert_eq!(place("team-", "app"), Err(Class::Invalid));
    }
}
