//! Pages of lists: how long one may be, and where the next begins.

use serde_json::Value;

use super::World;
use crate::aws_call::AwsCall;
use crate::aws_error::AwsError;

/// A part of a list.
pub(super) struct Page {
    from: usize,
    size: usize,
}

impl Page {
    /// The page that a call asks for. `most` is what AWS allows, `usual` what it gives unasked.
    pub(super) fn of(world: &World, call: &AwsCall, most: usize, usual: usize) -> Result<Self, AwsError> {
        let asked = call.parameters.get("MaxResults").and_then(Value::as_u64);
        let size = asked.map_or(usual, |size| usize::try_from(size).unwrap_or(usize::MAX));
        if size == 0 || size > most {
            let message = format!(
                "1 validation error detected: Value '{size}' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to {most}"
            );
            return Err(AwsError::bad("ValidationException", message));
        }
        let from = call.text("NextToken").and_then(|token| token.parse().ok());
        Ok(Self {
            from: from.unwrap_or(0),
            size: world.page_size.map_or(size, |pages| pages.min(size)),
        })
    }

    /// Cuts the page out of the whole.
    pub(super) fn cut<T>(&self, all: Vec<T>) -> Vec<T> {
        all.into_iter().skip(self.from).take(self.size).collect()
    }

    /// The token of the next page, where there is one.
    pub(super) fn next(&self, all: usize) -> Value {
        let next = self.from.saturating_add(self.size);
        if next < all {
            next.to_string().into()
        } else {
            Value::Null
        }
    }
}
