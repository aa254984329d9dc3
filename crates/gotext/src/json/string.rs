//! JSON strings as Go's `encoding/json` writes them.

use crate::strconv::runes;

/// Appends the text as a JSON string. Bytes that are not UTF-8 become `\ufffd`; `<`, `>` and `&` are escaped
/// where asked for, as `json.Marshal` does.
pub(crate) fn push_quoted(out: &mut Vec<u8>, text: &[u8], escape_html: bool) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    for (offset, character, width) in runes(text) {
        match character {
            None => out.extend_from_slice(b"\\ufffd"),
            Some('"') => out.extend_from_slice(b"\\\""),
            Some('\\') => out.extend_from_slice(b"\\\\"),
            Some('\x08') => out.extend_from_slice(b"\\b"),
            Some('\x0c') => out.extend_from_slice(b"\\f"),
            Some('\n') => out.extend_from_slice(b"\\n"),
            Some('\r') => out.extend_from_slice(b"\\r"),
            Some('\t') => out.extend_from_slice(b"\\t"),
            Some(character @ ('\0'..' ' | '\u{2028}' | '\u{2029}')) => push_escape(out, character),
            Some(character @ ('<' | '>' | '&')) if escape_html => push_escape(out, character),
            Some(_) => out.extend_from_slice(text.get(offset..offset + width).unwrap_or_default()),
        }
    }
    out.push(b'"');
}

fn push_escape(out: &mut Vec<u8>, character: char) {
    out.extend_from_slice(format!("\\u{:04x}", u32::from(character)).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quoted(text: &[u8], escape_html: bool) -> String {
        let mut out = Vec::new();
        push_quoted(&mut out, text, escape_html);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn strings_are_escaped_as_go_escapes_them() {
        let text = "<&>\u{2028}\x01\n\"\\é\x7f".as_bytes();
        assert_eq!(
            quoted(text, true),
            "\"\\u003c\\u0026\\u003e\\u2028\\u0001\\n\\\"\\\\é\x7f\""
        );
        assert_eq!(quoted(text, false), "\"<&>\\u2028\\u0001\\n\\\"\\\\é\x7f\"");
        assert_eq!(quoted(b"a\xff\xfe", false), "\"a\\ufffd\\ufffd\"");
    }
}
