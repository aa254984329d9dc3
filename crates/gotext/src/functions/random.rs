//! Random text and numbers: `randAlphaNum`, `randAlpha`, `randAscii`, `randNumeric`, `randBytes`, `randInt`,
//! `shuffle`, `uuidv4`.
//!
//! sprig draws some of these from a generator that is not fit for passwords (`randInt`, `shuffle`); here all of them
//! come from the one source of the execution.

use data_encoding::{BASE64, HEXLOWER};
use zeroize::Zeroizing;

use crate::strconv;
use crate::template::{Args, Context, FuncError, Function, Type, Value};

const LETTERS_AND_DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// The functions of this family.
pub(super) const TABLE: &[Function] = &[
    Function::fixed("randAlphaNum", &[Type::INT], Type::String, |context, args| {
        text(context, args, LETTERS_AND_DIGITS)
    })
    .drawing_random(),
    Function::fixed("randAlpha", &[Type::INT], Type::String, |context, args| {
        text(context, args, LETTERS_AND_DIGITS.split_at(52).0)
    })
    .drawing_random(),
    Function::fixed("randNumeric", &[Type::INT], Type::String, |context, args| {
        text(context, args, LETTERS_AND_DIGITS.split_at(52).1)
    })
    .drawing_random(),
    Function::fixed("randAscii", &[Type::INT], Type::String, |context, args| {
        text(context, args, &PRINTABLE)
    })
    .drawing_random(),
    Function::fixed("randBytes", &[Type::INT], Type::String, bytes).drawing_random(),
    Function::fixed("randInt", &[Type::INT, Type::INT], Type::INT, int).drawing_random(),
    Function::fixed("shuffle", &[Type::String], Type::String, shuffle).drawing_random(),
    Function::fixed("uuidv4", &[], Type::String, uuid).drawing_random(),
];

/// From the space to the tilde.
const PRINTABLE: [u8; 95] = {
    let mut letters = [b' '; 95];
    let mut rest = letters.as_mut_slice();
    let mut letter = b' ';
    while let Some((first, others)) = rest.split_first_mut() {
        *first = letter;
        letter += 1;
        rest = others;
    }
    letters
};

/// Draws numbers below a bound, each equally likely.
struct Sampler {
    buffer: Zeroizing<[u8; 256]>,
    used: usize,
}

impl Sampler {
    fn new() -> Self {
        Self {
            buffer: Zeroizing::new([0; 256]),
            used: 256,
        }
    }

    fn draw(&mut self, context: &mut Context<'_>) -> Result<u64, FuncError> {
        if self.used >= self.buffer.len() {
            context.fill_random(self.buffer.as_mut_slice())?;
            self.used = 0;
        }
        let word = self.buffer.get(self.used..).and_then(<[u8]>::first_chunk);
        self.used += 8;
        Ok(u64::from_le_bytes(word.copied().unwrap_or_default()))
    }

    /// A number below `bound`, which is not zero. Draws of the last, incomplete round of `bound` numbers are thrown
    /// away, as they would make small numbers likelier.
    fn below(&mut self, context: &mut Context<'_>, bound: u64) -> Result<u64, FuncError> {
        let incomplete = (u64::MAX % bound + 1) % bound;
        loop {
            let drawn = self.draw(context)?;
            if drawn <= u64::MAX - incomplete {
                return Ok(drawn % bound);
            }
        }
    }

    fn index(&mut self, context: &mut Context<'_>, length: usize) -> Result<usize, FuncError> {
        let index = self.below(context, length.max(1) as u64)?;
        Ok(usize::try_from(index).unwrap_or_default())
    }
}

/// sprig drops the error for a negative length and gives an empty string.
fn text(context: &mut Context<'_>, args: Args<'_>, letters: &[u8]) -> Result<Value, FuncError> {
    let length = usize::try_from(args.int(0)).unwrap_or_default();
    context.charge_bytes(length)?;
    context.charge(length as u64)?;
    let mut sampler = Sampler::new();
    let mut out = Zeroizing::new(Vec::with_capacity(length));
    for _ in 0..length {
        let index = sampler.index(context, letters.len())?;
        out.extend(letters.get(index));
    }
    Ok(Value::string(out))
}

fn bytes(context: &mut Context<'_>, args: Args<'_>) -> Result<Value, FuncError> {
    let Ok(length) = usize::try_from(args.int(0)) else {
        return Err(FuncError::new("runtime error: makeslice: len out of range"));
    };
    context.charge_bytes(length)?;
    let random = context.random_bytes(length)?;
    Ok(Value::string(BASE64.encode(&random)))
}

fn int(context: &mut Context<'_>, args: Args<'_>) -> Result<Value, FuncError> {
    let (min, max) = (args.int(0), args.int(1));
    let Some(bound) = u64::try_from(max.wrapping_sub(min))
        .ok()
        .filter(|bound| *bound > 0)
    else {
        return Err(FuncError::new("invalid argument to Intn"));
    };
    let drawn = Sampler::new().below(context, bound)?;
    Ok(Value::int(min.wrapping_add_unsigned(drawn)))
}

fn shuffle(context: &mut Context<'_>, args: Args<'_>) -> Result<Value, FuncError> {
    let input = args.bytes(0);
    // What is not UTF-8 becomes U+FFFD, of three bytes.
    context.charge_bytes(input.len().saturating_mul(3))?;
    context.charge(input.len() as u64)?;
    let mut runes: Zeroizing<Vec<char>> = Zeroizing::new(Vec::with_capacity(input.len()));
    runes.extend(strconv::runes(input).map(|(_, rune, _)| rune.unwrap_or(char::REPLACEMENT_CHARACTER)));
    let mut sampler = Sampler::new();
    for last in (1..runes.len()).rev() {
        let other = sampler.index(context, last + 1)?;
        runes.swap(last, other);
    }
    let mut out = Zeroizing::new(Vec::with_capacity(input.len() * 3));
    for rune in runes.iter() {
        out.extend_from_slice(rune.encode_utf8(&mut [0; 4]).as_bytes());
    }
    Ok(Value::string(out))
}

fn uuid(context: &mut Context<'_>, _: Args<'_>) -> Result<Value, FuncError> {
    let mut id = [0_u8; 16];
    context.fill_random(&mut id)?;
    let number = u128::from_be_bytes(id);
    // Version 4, variant of RFC 4122.
    let number = number & !(0xf000 << 64) & !(0xc000 << 48) | 0x4000 << 64 | 0x8000 << 48;
    let digits = HEXLOWER.encode(&number.to_be_bytes());
    let mut text = String::with_capacity(36);
    for (at, digit) in digits.chars().enumerate() {
        if matches!(at, 8 | 12 | 16 | 20) {
            text.push('-');
        }
        text.push(digit);
    }
    Ok(Value::string(text))
}
