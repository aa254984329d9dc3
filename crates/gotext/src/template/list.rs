//! Go slices. They do not change here, as every template function that changes one copies it first, but for one that
//! sorts it in place. Slices of a slice share its items, as in Go, and reach as far as it does.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use super::types::Type;
use super::value::{Value, drop_deep};

/// A Go slice `[]T`. Cloning shares the items. Of `[]uint8` only the nil one is a list: the others are
/// [`Value::Bytes`].
#[derive(Clone)]
pub struct List(Arc<Inner>);

struct Inner {
    elem: &'static Type,
    nil: bool,
    items: Items,
}

enum Items {
    /// All of an array.
    Whole(Array),
    /// `of[start:end:cap]`, where `of` is a whole one.
    Part {
        of: List,
        start: usize,
        end: usize,
        cap: usize,
    },
}

/// What slices are parts of.
struct Array {
    items: Vec<Value>,
    /// The same items in the order that counts, once a part of them was sorted.
    sorted: OnceLock<Box<Self>>,
}

impl List {
    /// A slice of `elem`; every item must be of that type (any item fits [`Type::Any`]).
    pub fn new(elem: &'static Type, items: Vec<Value>) -> Self {
        Self::of(elem, false, Items::Whole(Array::new(items)))
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
        Self::of(elem, true, Items::Whole(Array::new(Vec::new())))
    }

    fn of(elem: &'static Type, nil: bool, items: Items) -> Self {
        Self(Arc::new(Inner { elem, nil, items }))
    }

    /// Whether this is Go's nil slice (an empty one is not).
    pub fn is_nil(&self) -> bool {
        self.0.nil
    }

    /// Whether this is the nil `[]uint8`.
    pub(crate) fn is_nil_bytes(&self) -> bool {
        self.is_nil() && *self.elem() == Type::UINT8
    }

    /// The element type.
    pub fn elem(&self) -> &'static Type {
        self.0.elem
    }

    /// Whether both are the same slice in memory.
    pub fn same(&self, other: &Self) -> bool {
        let ((a, start, _), (b, other_start, _)) = (self.place(), other.place());
        Arc::ptr_eq(&a.0, &b.0) && start == other_start && self.len() == other.len()
    }

    /// Go's `cap`: as many items can be reached from the first on. Here an appended list has no room to spare.
    pub(crate) fn capacity(&self) -> usize {
        let (_, start, cap) = self.place();
        cap - start
    }

    /// Go's `list[start:end:cap]`, which shares the items; `None` for bounds that are out of order or of the capacity.
    pub(crate) fn part(&self, start: usize, end: usize, cap: usize) -> Option<Self> {
        if start > end || end > cap || cap > self.capacity() {
            return None;
        }
        if self.is_nil() {
            return Some(self.clone());
        }
        let (whole, first, _) = self.place();
        let part = Items::Part {
            of: whole.clone(),
            start: first + start,
            end: first + end,
            cap: first + cap,
        };
        Some(Self::of(self.elem(), false, part))
    }

    /// The whole that this is of, and where in it this starts and could end.
    fn place(&self) -> (&Self, usize, usize) {
        match &self.0.items {
            Items::Whole(array) => (self, 0, array.items.len()),
            Items::Part { of, start, cap, .. } => (of, *start, *cap),
        }
    }

    /// The items it keeps alive: also those of its array that it does not show. A sort copies as many.
    pub(crate) fn held(&self) -> &[Value] {
        self.place().0
    }

    /// Sorts the slice for every holder, as `sort.Strings` does; items are texts.
    pub(crate) fn sort_texts(&self) {
        let (whole, start, _) = self.place();
        if let Items::Whole(array) = &whole.0.items
            && !self.is_sorted_by(|a, b| a.as_bytes() <= b.as_bytes())
        {
            let latest = array.latest();
            let mut items = latest.items.clone();
            if let Some(part) = items.get_mut(start..start + self.len()) {
                part.sort_by(|a, b| a.as_bytes().cmp(&b.as_bytes()));
            }
            latest.sorted.get_or_init(|| Box::new(Array::new(items)));
        }
    }

    /// Takes the items out if nobody else holds them.
    pub(super) fn into_unshared(self) -> Option<Vec<Value>> {
        Arc::into_inner(self.0).map(|mut inner| inner.take_items())
    }
}

impl Deref for List {
    type Target = [Value];

    fn deref(&self) -> &[Value] {
        match &self.0.items {
            Items::Whole(array) => &array.latest().items,
            Items::Part { of, start, end, .. } => of.get(*start..*end).unwrap_or_default(),
        }
    }
}

impl fmt::Debug for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "List([]{} of {})", self.elem(), self.len())
    }
}

impl Array {
    fn new(items: Vec<Value>) -> Self {
        Self {
            items,
            sorted: OnceLock::new(),
        }
    }

    fn latest(&self) -> &Self {
        let mut array = self;
        while let Some(sorted) = array.sorted.get() {
            array = sorted;
        }
        array
    }
}

impl Drop for Array {
    /// One order after the other: their number has no bound that the stack could bear.
    fn drop(&mut self) {
        let mut next = self.sorted.take();
        while let Some(mut array) = next {
            next = array.sorted.take();
        }
    }
}

impl Inner {
    fn take_items(&mut self) -> Vec<Value> {
        // Only texts are sorted; they hold no others.
        match std::mem::replace(&mut self.items, Items::Whole(Array::new(Vec::new()))) {
            Items::Whole(mut array) => std::mem::take(&mut array.items),
            Items::Part { of, .. } => vec![Value::List(of)],
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Items::Whole(array) = &self.items
            && array.items.iter().any(Value::is_container)
        {
            drop_deep(self.take_items());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(list: &List) -> String {
        list.iter()
            .filter_map(Value::as_bytes)
            .map(String::from_utf8_lossy)
            .collect()
    }

    #[test]
    fn a_part_reaches_as_far_as_its_whole_unless_it_is_told_not_to() {
        let whole = List::strings(["a", "b", "c", "d"]);
        let part = whole.part(1, 2, 4).unwrap();
        assert_eq!((texts(&part).as_str(), part.capacity()), ("b", 3));
        assert_eq!(texts(&part.part(0, 3, 3).unwrap()), "bcd");
        assert!(part.part(0, 4, 4).is_none());
        assert!(whole.part(0, 1, 2).unwrap().part(0, 3, 3).is_none());
        assert!(whole.part(2, 1, 4).is_none());
    }

    #[test]
    fn sorting_a_part_shows_in_the_whole_and_in_its_other_parts() {
        let whole = List::strings(["d", "c", "b", "a"]);
        let (front, middle) = (whole.part(0, 3, 3).unwrap(), whole.part(1, 3, 4).unwrap());
        front.sort_texts();
        assert_eq!((texts(&whole).as_str(), texts(&middle).as_str()), ("bcda", "cd"));
        whole.sort_texts();
        assert_eq!((texts(&front).as_str(), texts(&middle).as_str()), ("abc", "bc"));
    }

    #[test]
    fn a_list_that_was_sorted_again_and_again_is_dropped_without_overflowing_the_stack() {
        let whole = List::strings((0..500).rev().map(|n| format!("{n:03}")));
        for end in 2..500 {
            for start in (0..end - 1).rev().take(2) {
                whole.part(start, start + 2, 500).unwrap().sort_texts();
            }
        }
        drop(whole);
    }

    #[test]
    fn lists_of_parts_nested_a_million_deep_are_dropped_without_overflowing_the_stack() {
        let mut list = List::any(vec![]);
        for _ in 0..1_000_000 {
            list = List::any(vec![Value::List(list), Value::Nil])
                .part(0, 1, 2)
                .unwrap();
        }
        drop(list);
    }
}
