//! The order of keys in the output: letters after other characters, numbers inside by their value.

use crate::unicode::{is_digit, is_letter};

/// Sorts by keys. The rule is no total order for keys with very long numbers, for which the sorts of the
/// standard library may panic; this one only leaves such keys in some order.
pub(super) fn sort_by_key<T>(members: Vec<(Vec<char>, T)>) -> Vec<(Vec<char>, T)> {
    let mut runs: Vec<Vec<(Vec<char>, T)>> = members.into_iter().map(|member| vec![member]).collect();
    while runs.len() > 1 {
        let mut merged = Vec::with_capacity(runs.len().div_ceil(2));
        let mut pairs = runs.into_iter();
        while let Some(left) = pairs.next() {
            merged.push(match pairs.next() {
                Some(right) => merge(left, right),
                None => left,
            });
        }
        runs = merged;
    }
    runs.pop().unwrap_or_default()
}

fn merge<T>(left: Vec<(Vec<char>, T)>, right: Vec<(Vec<char>, T)>) -> Vec<(Vec<char>, T)> {
    let mut out = Vec::with_capacity(left.len() + right.len());
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    while let (Some(first), Some(second)) = (left.peek(), right.peek()) {
        let next = if less(&second.0, &first.0) {
            right.next()
        } else {
            left.next()
        };
        out.extend(next);
    }
    out.extend(left);
    out.extend(right);
    out
}

fn less(left: &[char], right: &[char]) -> bool {
    let differs = left.iter().zip(right).position(|(left, right)| left != right);
    let Some(at) = differs else {
        return left.len() < right.len();
    };
    let (Some(&first), Some(&second)) = (left.get(at), right.get(at)) else {
        return false;
    };
    match (is_letter(first), is_letter(second)) {
        (true, true) => return first < second,
        (true, false) => return false,
        (false, true) => return true,
        (false, false) => {}
    }
    // Inside of a number a zero is a digit like all others.
    let before = left.get(..at).unwrap_or_default();
    let inside = before
        .iter()
        .rev()
        .take_while(|character| is_digit(**character))
        .any(|digit| *digit != '0');
    let start = i64::from(inside && (first == '0' || second == '0'));
    let (left_value, left_width) = number(left, at, start);
    let (right_value, right_width) = number(right, at, start);
    if left_value != right_value {
        return left_value < right_value;
    }
    if left_width != right_width {
        return left_width < right_width;
    }
    first < second
}

/// The number at an offset and its width; it wraps around as Go's does.
fn number(text: &[char], at: usize, start: i64) -> (i64, usize) {
    let digits = text
        .get(at..)
        .unwrap_or_default()
        .iter()
        .take_while(|digit| is_digit(**digit));
    digits.fold((start, 0), |(value, width), digit| {
        let digit = i64::from(u32::from(*digit)) - i64::from(u32::from('0'));
        (value.wrapping_mul(10).wrapping_add(digit), width + 1)
    })
}
