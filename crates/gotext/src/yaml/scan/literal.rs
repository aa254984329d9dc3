//! Block scalars: `|` and `>`.

use zeroize::Zeroizing;

use super::{Scan, Scanner, is_blank, is_break, is_break_or_end};
use crate::yaml::token::{Kind, Mark};

/// What becomes of the line breaks at the end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Chomping {
    Strip,
    Clip,
    Keep,
}

impl Scanner {
    pub(super) fn scan_block_scalar(&mut self, literal: bool) -> Scan {
        let start = self.mark;
        self.skip();
        let (chomping, increment) = self.block_header(start)?;
        self.skip_while(is_blank);
        if self.at(0) == '#' {
            self.skip_while(|character| !is_break_or_end(character));
        }
        if !is_break_or_end(self.at(0)) {
            return Err(self.fault(start, "did not find expected comment or line break"));
        }
        self.line_break();
        let mut indent = increment.map(|increment| self.indent.unwrap_or(0) + increment);
        let mut text = Zeroizing::new(String::new());
        let mut leading_break = None;
        let mut breaks = self.block_breaks(&mut indent, start)?;
        let mut leading_blank = false;
        while Some(self.mark.column) == indent && self.at(0) != '\0' {
            let blank = is_blank(self.at(0));
            match leading_break {
                Some('\n') if !literal && !leading_blank && !blank => {
                    if breaks.is_empty() {
                        text.push(' ');
                    }
                }
                other => text.extend(other),
            }
            text.push_str(&breaks);
            leading_blank = blank;
            while !is_break_or_end(self.at(0)) {
                text.push(self.at(0));
                self.skip();
            }
            leading_break = self.line_break();
            breaks = self.block_breaks(&mut indent, start)?;
        }
        if chomping != Chomping::Strip {
            text.extend(leading_break);
        }
        if chomping == Chomping::Keep {
            text.push_str(&breaks);
        }
        self.push(Kind::Scalar(text, false), start);
        Ok(())
    }

    /// The signs after `|` or `>`, in either order.
    fn block_header(&mut self, start: Mark) -> Scan<(Chomping, Option<usize>)> {
        let mut chomping = None;
        let mut increment = None;
        for _ in 0..2 {
            match self.at(0) {
                '+' if chomping.is_none() => chomping = Some(Chomping::Keep),
                '-' if chomping.is_none() => chomping = Some(Chomping::Strip),
                '0' if increment.is_none() => {
                    return Err(self.fault(start, "found an indentation indicator equal to 0"));
                }
                digit @ '1'..='9' if increment.is_none() => {
                    increment = digit.to_digit(10).and_then(|digit| usize::try_from(digit).ok());
                }
                _ => break,
            }
            self.skip();
        }
        Ok((chomping.unwrap_or(Chomping::Clip), increment))
    }

    /// Moves past empty lines and the indentation after them; without an indentation yet, the deepest is it.
    fn block_breaks(&mut self, indent: &mut Option<usize>, start: Mark) -> Scan<String> {
        let mut breaks = String::new();
        let mut deepest = 0;
        loop {
            let inside = |scanner: &Self| indent.is_none_or(|indent| scanner.mark.column < indent);
            while inside(self) && self.at(0) == ' ' {
                self.skip();
            }
            deepest = deepest.max(self.mark.column);
            if inside(self) && self.at(0) == '\t' {
                let problem = "found a tab character where an indentation space is expected";
                return Err(self.fault(start, problem));
            }
            if !is_break(self.at(0)) {
                break;
            }
            breaks.extend(self.line_break());
        }
        if indent.is_none() {
            let around = self.indent.map_or(0, |indent| indent + 1);
            *indent = Some(deepest.max(around).max(1));
        }
        Ok(breaks)
    }
}
