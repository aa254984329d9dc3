//! Go slices. They do not change here, as every template function that changes one copies it first, but for one that
//! sorts it in place.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use super::types::Type;
use super::value::{Value, drop_deep};

/// A Go slice `[]T` other than `[]uint8` (which is [`Value::Bytes`]). Cloning shares the items.
#[derive(Clone)]
pub struct List(Arc<Inner>);

struct Inner {
    elem: &'static Type,
    nil: bool,
    items: Vec<Value>,
    /// The items in the order that counts, once they were sorted.
    sorted: OnceLock<Vec<Value>>,
}

impl List {
    /// A slice of `elem`; every item must be of that type (any item fits [`Type::Any`]).
    pub fn new(elem: &'static Type, items: Vec<Value>) -> Self {
        Self(Arc::new(Inner {
            elem,
            nil: false,
            items,
            sorted: OnceLock::new(),
        }))
    }

    /// `[]interface {}`
    pub fn any(items: Vec<Value>) -> Self {
        Self::new(&Type::Any, items)
    }

    /// `[]string`
    pub fn strings<T: Into<super::Text>>(items: impl IntoIterator<Item = T>) -> Self {
        Self::new(
            &Type::String,
            items.into_iter().map(|item| Value::String(item.into())).collect(),
        )
    }

    /// The nil slice of `elem`: empty, prints `[]`, encodes to JSON as `null`.
    pub fn nil(elem: &'static Type) -> Self {
        Self(Arc::new(Inner {
            elem,
            nil: true,
            items: Vec::new(),
            sorted: OnceLock::new(),
        }))
    }

    /// Whether this is Go's nil slice (an empty one is not).
    pub fn is_nil(&self) -> bool {
        self.0.nil
    }

    /// The element type.
    pub fn elem(&self) -> &'static Type {
        self.0.elem
    }

    /// Whether both are the same slice in memory.
    pub fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Sorts the slice for every holder, as `sort.Strings` does; items are texts.
    pub(crate) fn sort_texts(&self) {
        self.0.sorted.get_or_init(|| {
            let mut items = self.0.items.clone();
            items.sort_by(|a, b| a.as_bytes().cmp(&b.as_bytes()));
            items
        });
    }

    /// Takes the items out if nobody else holds them.
    pub(super) fn into_unshared(self) -> Option<Vec<Value>> {
        Arc::into_inner(self.0).map(|mut inner| inner.take_items())
    }
}

impl Deref for List {
    type Target = [Value];

    fn deref(&self) -> &[Value] {
        self.0.sorted.get().unwrap_or(&self.0.items)
    }
}

impl fmt::Debug for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "List([]{} of {})", self.elem(), self.len())
    }
}

impl Inner {
    fn take_items(&mut self) -> Vec<Value> {
        // Only texts are sorted; they hold no others.
        self.sorted.take();
        std::mem::take(&mut self.items)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if self.items.iter().any(Value::is_container) {
            drop_deep(self.take_items());
        }
    }
}
