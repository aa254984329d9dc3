//! How a text is written: plain, quoted or as a block.

/// The ways to write a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    SingleQuoted,
    DoubleQuoted,
    Literal,
}

/// What a text allows.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "independent properties of a text")]
pub(super) struct Analysis {
    pub(super) multiline: bool,
    pub(super) plain_allowed: bool,
    pub(super) single_quoted_allowed: bool,
    pub(super) block_allowed: bool,
}

/// Whether the character can stand in the output as it is.
pub(super) fn is_printable(character: char) -> bool {
    matches!(
        character,
        '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}'
    )
}

pub(super) fn is_break(character: char) -> bool {
    matches!(character, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// What the characters of a text allow.
pub(super) fn analyze(text: &[char]) -> Analysis {
    let (Some(&first), Some(&last)) = (text.first(), text.last()) else {
        return Analysis {
            multiline: false,
            plain_allowed: true,
            single_quoted_allowed: true,
            block_allowed: false,
        };
    };
    let multiline = text.iter().any(|character| is_break(*character));
    let special = text.iter().any(|character| !is_printable(*character));
    let pair =
        |test: fn(char, char) -> bool| text.windows(2).any(|pair| matches!(pair, [a, b] if test(*a, *b)));
    let space_break = pair(|first, second| first == ' ' && is_break(second));
    let break_space = pair(|first, second| is_break(first) && second == ' ');
    let edge = |character| character == ' ' || is_break(character);
    let plain_allowed = !(edge(first) || edge(last) || multiline || special || has_block_indicators(text));
    Analysis {
        multiline,
        plain_allowed,
        single_quoted_allowed: !(break_space || space_break || special),
        block_allowed: !(last == ' ' || space_break || special),
    }
}

/// Whether a character would begin another construct where it stands.
fn has_block_indicators(text: &[char]) -> bool {
    if matches!(text, ['-', '-', '-', ..] | ['.', '.', '.', ..]) {
        return true;
    }
    text.iter().enumerate().any(|(at, character)| {
        let next = text.get(at + 1);
        let before_blank = next.is_none_or(|next| matches!(next, ' ' | '\t'));
        let previous = at.checked_sub(1).and_then(|at| text.get(at));
        match character {
            ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`' => {
                at == 0
            }
            '?' | '-' => at == 0 && before_blank,
            ':' => before_blank,
            '#' => {
                previous.is_none_or(|previous| matches!(previous, ' ' | '\t' | '\0') || is_break(*previous))
            }
            _ => false,
        }
    })
}
