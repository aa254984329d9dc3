//! Directives, tags, anchors and aliases.

use super::{Scan, Scanner, is_blank, is_break_or_end, is_space_or_end, is_word};
use crate::yaml::error::Error;
use crate::yaml::token::{Kind, Mark};

impl Scanner {
    fn word(&mut self) -> String {
        let mut word = String::new();
        while is_word(self.at(0)) {
            word.push(self.at(0));
            self.skip();
        }
        word
    }

    /// `%YAML` or `%TAG` to the end of its line.
    pub(super) fn scan_directive(&mut self) -> Scan {
        let start = self.mark;
        self.skip();
        let name = self.word();
        if name.is_empty() {
            return Err(self.fault(start, "could not find expected directive name"));
        }
        if !is_space_or_end(self.at(0)) {
            return Err(self.fault(start, "found unexpected non-alphabetical character"));
        }
        let kind = match name.as_str() {
            "YAML" => self.version(start)?,
            "TAG" => self.tag_directive(start)?,
            _ => return Err(self.fault(start, "found unknown directive name")),
        };
        self.skip_while(is_blank);
        if self.at(0) == '#' {
            self.skip_while(|character| !is_break_or_end(character));
        }
        if !is_break_or_end(self.at(0)) {
            return Err(self.fault(start, "did not find expected comment or line break"));
        }
        self.line_break();
        self.push(kind, start);
        Ok(())
    }

    fn version(&mut self, start: Mark) -> Scan<Kind> {
        self.skip_while(is_blank);
        let major = self.version_number(start)?;
        if self.at(0) != '.' {
            return Err(self.fault(start, "did not find expected digit or '.' character"));
        }
        self.skip();
        Ok(Kind::Version(major, self.version_number(start)?))
    }

    fn version_number(&mut self, start: Mark) -> Scan<u8> {
        let mut value = None;
        let mut length = 0;
        while let Some(digit) = self.at(0).to_digit(10) {
            length += 1;
            if length > 2 {
                return Err(self.fault(start, "found extremely long version number"));
            }
            value = Some(value.unwrap_or(0) * 10 + u8::try_from(digit).unwrap_or(0));
            self.skip();
        }
        value.ok_or_else(|| self.fault(start, "did not find expected version number"))
    }

    fn tag_directive(&mut self, start: Mark) -> Scan<Kind> {
        self.skip_while(is_blank);
        let handle = self.tag_handle(true, start)?;
        if !is_blank(self.at(0)) {
            return Err(self.fault(start, "did not find expected whitespace"));
        }
        self.skip_while(is_blank);
        let prefix = self.tag_uri("", start)?;
        if !is_space_or_end(self.at(0)) {
            return Err(self.fault(start, "did not find expected whitespace or line break"));
        }
        Ok(Kind::TagDirective(handle, prefix))
    }

    pub(super) fn scan_anchor(&mut self) -> Scan {
        let start = self.mark;
        let alias = self.at(0) == '*';
        self.skip();
        let name = self.word();
        let ends = is_space_or_end(self.at(0))
            || matches!(self.at(0), '?' | ':' | ',' | ']' | '}' | '%' | '@' | '`');
        if name.is_empty() || !ends {
            return Err(self.fault(start, "did not find expected alphabetic or numeric character"));
        }
        self.push(
            if alias {
                Kind::Alias(name)
            } else {
                Kind::Anchor(name)
            },
            start,
        );
        Ok(())
    }

    pub(super) fn scan_tag(&mut self) -> Scan {
        let start = self.mark;
        let (handle, suffix) = if self.at(1) == '<' {
            self.skip();
            self.skip();
            let suffix = self.tag_uri("", start)?;
            if self.at(0) != '>' {
                return Err(self.fault(start, "did not find the expected '>'"));
            }
            self.skip();
            (String::new(), suffix)
        } else {
            let handle = self.tag_handle(false, start)?;
            if handle.len() > 1 && handle.ends_with('!') {
                let suffix = self.tag_uri("", start)?;
                (handle, suffix)
            } else {
                let suffix = self.tag_uri(&handle, start)?;
                // The tag `!` alone is whole.
                if suffix.is_empty() {
                    (suffix, "!".to_owned())
                } else {
                    ("!".to_owned(), suffix)
                }
            }
        };
        if !is_space_or_end(self.at(0)) {
            return Err(self.fault(start, "did not find expected whitespace or line break"));
        }
        self.push(Kind::Tag(handle, suffix), start);
        Ok(())
    }

    fn tag_handle(&mut self, directive: bool, start: Mark) -> Scan<String> {
        if self.at(0) != '!' {
            return Err(self.fault(start, "did not find expected '!'"));
        }
        self.skip();
        let mut handle = String::from("!");
        handle.push_str(&self.word());
        if self.at(0) == '!' {
            handle.push('!');
            self.skip();
        } else if directive && handle != "!" {
            return Err(self.fault(start, "did not find expected '!'"));
        }
        Ok(handle)
    }

    /// The rest of a tag whose beginning was taken for a handle.
    fn tag_uri(&mut self, head: &str, start: Mark) -> Scan<String> {
        let mut uri = head.chars().skip(1).collect::<String>().into_bytes();
        let mut found = !head.is_empty();
        loop {
            match self.at(0) {
                '%' => self.uri_escape(&mut uri, start)?,
                character if is_word(character) || ";/?:@&=+$,.!~*'()[]".contains(character) => {
                    let mut buffer = [0; 4];
                    uri.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
                    self.skip();
                }
                _ => break,
            }
            found = true;
        }
        if !found {
            return Err(self.fault(start, "did not find expected tag URI"));
        }
        Ok(String::from_utf8_lossy(&uri).into_owned())
    }

    /// One character as `%` escapes of its UTF-8 form.
    fn uri_escape(&mut self, uri: &mut Vec<u8>, start: Mark) -> Scan {
        let mut left = None;
        while left != Some(0) {
            let digits = (self.at(1).to_digit(16), self.at(2).to_digit(16));
            let ('%', (Some(high), Some(low))) = (self.at(0), digits) else {
                return Err(self.fault(start, "did not find URI escaped octet"));
            };
            let octet = u8::try_from(high * 16 + low).unwrap_or(0);
            left = Some(match left {
                None => self.width(octet, start)? - 1,
                Some(_) if octet & 0xC0 != 0x80 => {
                    return Err(self.fault(start, "found an incorrect trailing UTF-8 octet"));
                }
                Some(left) => left - 1,
            });
            uri.push(octet);
            (0..3).for_each(|_| self.skip());
        }
        Ok(())
    }

    fn width(&self, octet: u8, start: Mark) -> Result<u32, Error> {
        match octet {
            0..0x80 => Ok(1),
            0xC0..0xE0 => Ok(2),
            0xE0..0xF0 => Ok(3),
            0xF0..0xF8 => Ok(4),
            _ => Err(self.fault(start, "found an incorrect leading UTF-8 octet")),
        }
    }
}
