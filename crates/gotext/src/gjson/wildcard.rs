//! Key patterns with `*` and `?`.

use super::budget::{Budget, LimitExceeded};
use crate::strconv::{REPLACEMENT, runes};

#[derive(PartialEq)]
enum Piece {
    Any,
    One,
    Exactly(char),
}

/// Whether the text is one the pattern describes.
///
/// The time is at most the product of both lengths, which the budget pays for.
pub(super) fn matches(text: &[u8], pattern: &[u8], budget: &Budget) -> Result<bool, LimitExceeded> {
    if pattern == b"*" {
        return Ok(true);
    }
    let Some(pieces) = pieces(pattern) else {
        return Ok(false);
    };
    let characters: Vec<char> = runes(text)
        .map(|(_, character, _)| character.unwrap_or(REPLACEMENT))
        .collect();
    let (mut at, mut piece) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    loop {
        budget.spend(1)?;
        let character = characters.get(at);
        let advance = match (pieces.get(piece), character) {
            (None, None) => return Ok(true),
            (Some(Piece::Any), _) => {
                retry = Some((at, piece));
                piece += 1;
                continue;
            }
            (Some(Piece::One), Some(_)) => true,
            (Some(Piece::Exactly(wanted)), Some(character)) => wanted == character,
            _ => false,
        };
        if advance {
            at += 1;
            piece += 1;
            continue;
        }
        // Let the last star take one character more.
        match retry {
            Some((start, star)) if start < characters.len() => {
                retry = Some((start + 1, star));
                at = start + 1;
                piece = star + 1;
            }
            _ => return Ok(false),
        }
    }
}

/// The pattern in pieces; nothing for a pattern that matches no text.
fn pieces(pattern: &[u8]) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut characters = runes(pattern).map(|(_, character, _)| character.unwrap_or(REPLACEMENT));
    while let Some(character) = characters.next() {
        pieces.push(match character {
            '*' => Piece::Any,
            '?' => Piece::One,
            '\\' => match characters.next() {
                Some(character) => Piece::Exactly(character),
                // A backslash at the end stands for itself only after a star.
                None if pieces.contains(&Piece::Any) => Piece::Exactly('\\'),
                None => return None,
            },
            character => Piece::Exactly(character),
        });
    }
    Some(pieces)
}
