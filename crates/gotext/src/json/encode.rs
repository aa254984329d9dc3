//! Writing JSON.

use super::string::push_quoted;
use super::value::Value;

/// Whether `<`, `>` and `&` are escaped in strings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Html {
    /// `json.Marshal`
    Escaped,
    /// An encoder with `SetEscapeHTML(false)`.
    Plain,
}

/// `json.Marshal`: compact, with sorted keys.
pub fn to_vec(value: &Value, html: Html) -> Vec<u8> {
    let mut writer = Writer {
        out: Vec::new(),
        html,
        indent: None,
    };
    writer.value(value, 0);
    writer.out
}

/// `json.MarshalIndent` with no prefix: every member and element on a line of its own.
pub fn to_vec_indented(value: &Value, indent: &[u8], html: Html) -> Vec<u8> {
    let mut writer = Writer {
        out: Vec::new(),
        html,
        indent: Some(indent),
    };
    writer.value(value, 0);
    writer.out
}

struct Writer<'i> {
    out: Vec<u8>,
    html: Html,
    indent: Option<&'i [u8]>,
}

impl Writer<'_> {
    fn value(&mut self, value: &Value, depth: usize) {
        match value {
            Value::Null => self.out.extend_from_slice(b"null"),
            Value::Bool(true) => self.out.extend_from_slice(b"true"),
            Value::Bool(false) => self.out.extend_from_slice(b"false"),
            Value::Number(number) => self.out.extend_from_slice(number.as_str().as_bytes()),
            Value::String(text) => self.string(text),
            Value::Array(elements) => {
                self.out.push(b'[');
                for (index, element) in elements.iter().enumerate() {
                    self.separate(index, depth + 1);
                    self.value(element, depth + 1);
                }
                self.close(elements.is_empty(), depth, b']');
            }
            Value::Object(members) => {
                self.out.push(b'{');
                for (index, (key, member)) in sorted(members).into_iter().enumerate() {
                    self.separate(index, depth + 1);
                    self.string(key);
                    self.out.push(b':');
                    if self.indent.is_some() {
                        self.out.push(b' ');
                    }
                    self.value(member, depth + 1);
                }
                self.close(members.is_empty(), depth, b'}');
            }
        }
    }

    fn string(&mut self, text: &[u8]) {
        push_quoted(&mut self.out, text, self.html == Html::Escaped);
    }

    fn separate(&mut self, index: usize, depth: usize) {
        if index > 0 {
            self.out.push(b',');
        }
        self.new_line(depth);
    }

    fn close(&mut self, empty: bool, depth: usize, bracket: u8) {
        if !empty {
            self.new_line(depth);
        }
        self.out.push(bracket);
    }

    fn new_line(&mut self, depth: usize) {
        if let Some(indent) = self.indent {
            self.out.push(b'\n');
            for _ in 0..depth {
                self.out.extend_from_slice(indent);
            }
        }
    }
}

/// The members in the order of their keys; of two with one key the last.
pub(crate) fn sorted(members: &[(Vec<u8>, Value)]) -> Vec<(&[u8], &Value)> {
    let mut sorted: Vec<(&[u8], &Value)> = members
        .iter()
        .rev()
        .map(|(key, value)| (key.as_slice(), value))
        .collect();
    // The sort is stable, so the last of two comes first here and stays.
    sorted.sort_by_key(|(key, _)| *key);
    sorted.dedup_by_key(|(key, _)| *key);
    sorted
}
