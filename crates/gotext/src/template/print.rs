//! Package `fmt`: how values print, alone and under `printf` verbs.
//!
//! Output is bounded: a printer stops at its limits and says which one it met.

mod pad;
mod value;

use super::buffer::Buffer;
use super::limits::{Limit, Limits};
use super::types::Type;
use super::value::Value;
use crate::strconv::{REPLACEMENT, decode_rune};

/// `fmt.Sprint`: a space between two operands where neither is a string.
pub fn sprint(args: &[Value], limits: &Limits) -> Result<Buffer, Limit> {
    let mut printer = Printer::new(limits);
    let mut after_string = false;
    for (i, arg) in args.iter().enumerate() {
        let is_string = matches!(arg, Value::String(_));
        if i > 0 && !is_string && !after_string {
            printer.byte(b' ');
        }
        printer.arg(arg, 'v');
        after_string = is_string;
    }
    printer.finish()
}

/// `fmt.Sprintln`: a space between all operands and a newline at the end.
pub fn sprintln(args: &[Value], limits: &Limits) -> Result<Buffer, Limit> {
    let mut printer = Printer::new(limits);
    for (i, arg) in args.iter().enumerate() {
        if i > 0 {
            printer.byte(b' ');
        }
        printer.arg(arg, 'v');
    }
    printer.byte(b'\n');
    printer.finish()
}

/// `fmt.Sprintf`.
pub fn sprintf(format: &[u8], args: &[Value], limits: &Limits) -> Result<Buffer, Limit> {
    let mut printer = Printer::new(limits);
    printer.printf(format, args);
    printer.finish()
}

/// `fmt.Sprintf("%v", value)`, which is also what `{{value}}` prints (other than for nil).
pub fn sprint_value(value: &Value, limits: &Limits) -> Result<Buffer, Limit> {
    let mut printer = Printer::new(limits);
    printer.arg(value, 'v');
    printer.finish()
}

/// Appends what `{{value}}` prints (other than for nil) to `out`.
pub(super) fn append(out: &mut Buffer, value: &Value, limits: &Limits) -> Result<(), Limit> {
    let mut printer = Printer::new(limits);
    printer.max_bytes = printer.max_bytes.saturating_add(out.len());
    printer.out = std::mem::take(out);
    printer.arg(value, 'v');
    *out = printer.finish()?;
    Ok(())
}

/// A value as Go's own error texts show it, under a verb without flags.
pub(super) fn show(value: &Value, verb: char, limits: &Limits) -> Result<Buffer, Limit> {
    let mut printer = Printer::new(limits);
    printer.arg(value, verb);
    printer.finish()
}

/// The flags, width and precision of one verb.
#[derive(Clone, Copy, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are Go's flags, each independent of the others"
)]
struct Flags {
    width: Option<usize>,
    precision: Option<usize>,
    minus: bool,
    plus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    /// `%+v`, where the plus does not mean signs.
    plus_v: bool,
    /// `%#v`
    sharp_v: bool,
}

struct Printer {
    out: Buffer,
    flags: Flags,
    /// While a wrong verb is reported, `String` methods are not called.
    erroring: bool,
    max_bytes: usize,
    max_depth: usize,
    exceeded: Option<Limit>,
}

/// Widths and precisions beyond this are refused, as in Go.
const MAX_NUMBER: usize = 1_000_000;

impl Printer {
    fn new(limits: &Limits) -> Self {
        Self {
            out: Buffer::new(),
            flags: Flags::default(),
            erroring: false,
            max_bytes: limits.string_bytes,
            max_depth: limits.value_depth,
            exceeded: None,
        }
    }

    fn finish(self) -> Result<Buffer, Limit> {
        match self.exceeded {
            None => Ok(self.out),
            Some(limit) => Err(limit),
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        if self.admit(bytes.len()) {
            self.out.extend(bytes);
        }
    }

    fn byte(&mut self, byte: u8) {
        if self.admit(1) {
            self.out.push(byte);
        }
    }

    fn char(&mut self, character: char) {
        self.write(character.encode_utf8(&mut [0; 4]).as_bytes());
    }

    fn fill(&mut self, byte: u8, n: usize) {
        if self.admit(n) {
            self.out.fill(byte, n);
        }
    }

    fn admit(&mut self, n: usize) -> bool {
        if self.exceeded.is_none() && self.out.len().saturating_add(n) > self.max_bytes {
            self.exceeded = Some(Limit::StringBytes);
        }
        self.exceeded.is_none()
    }

    fn printf(&mut self, format: &[u8], args: &[Value]) {
        let mut scan = Scan {
            format,
            at: 0,
            args,
            arg: 0,
            reordered: false,
            good_arg: true,
            after_index: false,
        };
        while self.exceeded.is_none() {
            let rest = scan.rest();
            let plain = memchr::memchr(b'%', rest).unwrap_or(rest.len());
            self.write(rest.get(..plain).unwrap_or_default());
            scan.at += plain;
            if scan.at >= format.len() {
                break;
            }
            scan.at += 1;
            if !self.directive(&mut scan) {
                break;
            }
        }
        if !scan.reordered && scan.arg < args.len() {
            self.extra(args.get(scan.arg..).unwrap_or_default());
        }
    }

    /// Behind a `%`. `false` if the format ended before its verb.
    fn directive(&mut self, scan: &mut Scan<'_>) -> bool {
        self.flags = Flags::default();
        scan.good_arg = true;
        scan.after_index = false;
        if self.scan_flags(scan) {
            return true;
        }
        scan.arg_number();
        self.scan_width(scan);
        if scan.at + 1 < scan.format.len() && scan.peek() == Some(b'.') {
            scan.at += 1;
            self.scan_precision(scan);
        }
        if !scan.after_index {
            scan.arg_number();
        }
        if scan.at >= scan.format.len() {
            self.write(b"%!(NOVERB)");
            return false;
        }
        let (verb, width) = decode_rune(scan.rest());
        let verb = verb.unwrap_or(REPLACEMENT);
        scan.at += width;
        if verb == '%' {
            self.byte(b'%');
        } else if !scan.good_arg {
            self.complain(verb, b"(BADINDEX)");
        } else if let Some(arg) = scan.args.get(scan.arg) {
            self.set_v_flags(verb);
            self.arg(arg, verb);
            scan.arg += 1;
        } else {
            self.complain(verb, b"(MISSING)");
        }
        true
    }

    /// Reads flags. `true` if a plain lower-case verb followed and was served.
    fn scan_flags(&mut self, scan: &mut Scan<'_>) -> bool {
        while let Some(byte) = scan.peek() {
            match byte {
                b'#' => self.flags.sharp = true,
                b'0' => self.flags.zero = true,
                b'+' => self.flags.plus = true,
                b'-' => self.flags.minus = true,
                b' ' => self.flags.space = true,
                b'a'..=b'z' => {
                    let Some(arg) = scan.args.get(scan.arg) else {
                        return false;
                    };
                    self.set_v_flags(char::from(byte));
                    self.arg(arg, char::from(byte));
                    scan.arg += 1;
                    scan.at += 1;
                    return true;
                }
                _ => return false,
            }
            scan.at += 1;
        }
        false
    }

    fn set_v_flags(&mut self, verb: char) {
        if matches!(verb, 'v' | 'w') {
            self.flags.sharp_v = std::mem::take(&mut self.flags.sharp);
            self.flags.plus_v = std::mem::take(&mut self.flags.plus);
        }
    }

    fn scan_width(&mut self, scan: &mut Scan<'_>) {
        if scan.peek() == Some(b'*') {
            scan.at += 1;
            match scan.int_arg() {
                Some(width) => {
                    self.flags.width = Some(usize::try_from(width.unsigned_abs()).unwrap_or(0));
                    if width < 0 {
                        // No zeros to the right.
                        self.flags.minus = true;
                        self.flags.zero = false;
                    }
                }
                None => self.write(b"%!(BADWIDTH)"),
            }
            scan.after_index = false;
        } else {
            self.flags.width = scan.number();
            if scan.after_index && self.flags.width.is_some() {
                scan.good_arg = false;
            }
        }
    }

    fn scan_precision(&mut self, scan: &mut Scan<'_>) {
        if scan.after_index {
            scan.good_arg = false;
        }
        scan.arg_number();
        if scan.peek() == Some(b'*') {
            scan.at += 1;
            self.flags.precision = scan
                .int_arg()
                .and_then(|precision| usize::try_from(precision).ok());
            if self.flags.precision.is_none() {
                self.write(b"%!(BADPREC)");
            }
            scan.after_index = false;
        } else {
            self.flags.precision = Some(scan.number().unwrap_or(0));
        }
    }

    fn complain(&mut self, verb: char, what: &[u8]) {
        self.write(b"%!");
        self.char(verb);
        self.write(what);
    }

    fn extra(&mut self, args: &[Value]) {
        self.flags = Flags::default();
        self.write(b"%!(EXTRA ");
        for (i, arg) in args.iter().enumerate() {
            if i > 0 {
                self.write(b", ");
            }
            match arg.type_of() {
                None => self.write(b"<nil>"),
                Some(typ) => {
                    self.type_name(typ);
                    self.byte(b'=');
                    self.arg(arg, 'v');
                }
            }
        }
        self.byte(b')');
    }

    fn type_name(&mut self, typ: Type) {
        self.write(typ.to_string().as_bytes());
    }
}

/// Where a format is read, and which argument comes next.
struct Scan<'a> {
    format: &'a [u8],
    at: usize,
    args: &'a [Value],
    arg: usize,
    /// Arguments were picked by number, so unused ones are no error.
    reordered: bool,
    good_arg: bool,
    /// The last thing read was an argument number such as `[3]`.
    after_index: bool,
}

impl<'a> Scan<'a> {
    fn rest(&self) -> &'a [u8] {
        self.format.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.rest().first().copied()
    }

    /// Digits, if any. A number too large to be meant swallows the rest of the format, as in Go.
    fn number(&mut self) -> Option<usize> {
        let (number, used) = parse_number(self.rest());
        self.at += used;
        number
    }

    /// An argument number in brackets, if one stands here.
    fn arg_number(&mut self) {
        self.after_index = false;
        if self.peek() != Some(b'[') {
            return;
        }
        self.reordered = true;
        let rest = self.rest();
        let close = if rest.len() < 3 {
            None
        } else {
            memchr::memchr(b']', rest)
        };
        let Some(close) = close else {
            self.at += 1;
            self.good_arg = false;
            return;
        };
        self.at += close + 1;
        let digits = rest.get(1..close).unwrap_or_default();
        let number = match parse_number(digits) {
            (Some(number), used) if used == digits.len() => number,
            _ => {
                self.good_arg = false;
                return;
            }
        };
        self.after_index = true;
        match number.checked_sub(1) {
            Some(index) if index < self.args.len() => self.arg = index,
            _ => self.good_arg = false,
        }
    }

    /// The next argument as a width or precision.
    fn int_arg(&mut self) -> Option<i64> {
        let number = match self.args.get(self.arg)? {
            Value::Int(_, n) => Some(*n),
            Value::Uint(_, n) => i64::try_from(*n).ok(),
            _ => None,
        };
        self.arg += 1;
        number.filter(|n| n.unsigned_abs() <= MAX_NUMBER as u64)
    }
}

/// The digits at the start of `text`, and how many bytes they (or all, on overflow) take.
fn parse_number(text: &[u8]) -> (Option<usize>, usize) {
    let mut number: usize = 0;
    let mut used = 0;
    for byte in text.iter().take_while(|byte| byte.is_ascii_digit()) {
        if number > MAX_NUMBER {
            return (None, text.len());
        }
        number = number * 10 + usize::from(byte - b'0');
        used += 1;
    }
    ((used > 0).then_some(number), used)
}
