//! Go types, as far as templates can meet them.
//!
//! Go checks a function's arguments against its static parameter types and names types in errors and in `%T`;
//! so every value knows its type and every function declares its own.

use std::fmt;

/// Go's signed integer types, with the named ones of package `time`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IntKind {
    /// `int`, 64 bits.
    Int,
    /// `int8`
    Int8,
    /// `int16`
    Int16,
    /// `int32`, which is also Go's `rune`.
    Int32,
    /// `int64`
    Int64,
    /// `time.Duration`, nanoseconds.
    Duration,
    /// `time.Month`, 1 to 12.
    Month,
    /// `time.Weekday`, 0 (Sunday) to 6.
    Weekday,
}

impl IntKind {
    /// Width in bits.
    pub fn bits(self) -> u32 {
        match self {
            Self::Int8 => 8,
            Self::Int16 => 16,
            Self::Int32 => 32,
            Self::Int | Self::Int64 | Self::Duration | Self::Month | Self::Weekday => 64,
        }
    }
}

/// Go's unsigned integer types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UintKind {
    /// `uint`, 64 bits.
    Uint,
    /// `uint8`, also `byte`.
    Uint8,
    /// `uint16`
    Uint16,
    /// `uint32`
    Uint32,
    /// `uint64`
    Uint64,
    /// `uintptr`, 64 bits.
    Uintptr,
}

impl UintKind {
    /// Width in bits.
    pub fn bits(self) -> u32 {
        match self {
            Self::Uint8 => 8,
            Self::Uint16 => 16,
            Self::Uint32 => 32,
            Self::Uint | Self::Uint64 | Self::Uintptr => 64,
        }
    }
}

/// Go's floating-point types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FloatKind {
    /// `float32`
    Float32,
    /// `float64`
    Float64,
}

/// A Go type. `Display` prints it as Go's `reflect` does: `map[string]interface {}`, `[]uint8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    /// `interface {}`
    Any,
    /// `bool`
    Bool,
    /// `string`
    String,
    /// A signed integer type.
    Int(IntKind),
    /// An unsigned integer type.
    Uint(UintKind),
    /// A floating-point type.
    Float(FloatKind),
    /// `complex128`
    Complex,
    /// `[]T`. Use [`Type::BYTES`] for `[]uint8`.
    Slice(&'static Self),
    /// `map[string]T`
    Map(&'static Self),
    /// A type only known by its name and methods, such as `time.Time` or `*semver.Version`.
    Object(&'static str),
    /// A function; the text is its Go type, such as `func(string) string`.
    Func(&'static str),
    /// `error`, an interface; only objects that are errors fit.
    Error,
}

impl Type {
    /// `int`
    pub const INT: Self = Self::Int(IntKind::Int);
    /// `int32`
    pub const INT32: Self = Self::Int(IntKind::Int32);
    /// `int64`
    pub const INT64: Self = Self::Int(IntKind::Int64);
    /// `uint64`
    pub const UINT64: Self = Self::Uint(UintKind::Uint64);
    /// `uint8`
    pub const UINT8: Self = Self::Uint(UintKind::Uint8);
    /// `float64`
    pub const FLOAT64: Self = Self::Float(FloatKind::Float64);
    /// `time.Duration`
    pub const DURATION: Self = Self::Int(IntKind::Duration);
    /// `[]interface {}`
    pub const ANY_LIST: Self = Self::Slice(&Self::Any);
    /// `[]string`
    pub const STRING_LIST: Self = Self::Slice(&Self::String);
    /// `[]int`
    pub const INT_LIST: Self = Self::Slice(&Self::INT);
    /// `[]uint8`
    pub const BYTES: Self = Self::Slice(&Self::UINT8);
    /// `map[string]interface {}`
    pub const ANY_MAP: Self = Self::Map(&Self::Any);
    /// `map[string]string`
    pub const STRING_MAP: Self = Self::Map(&Self::String);

    /// Whether a variable of this type holds an interface, so that its content has a type of its own.
    pub fn is_interface(self) -> bool {
        matches!(self, Self::Any | Self::Error)
    }

    /// Go's `reflect.Kind`, as `kindOf` names it.
    pub fn kind_name(self) -> &'static str {
        match self {
            Self::Any | Self::Error => "interface",
            Self::Bool => "bool",
            Self::String => "string",
            Self::Int(kind) => match kind {
                IntKind::Int | IntKind::Month | IntKind::Weekday => "int",
                IntKind::Int8 => "int8",
                IntKind::Int16 => "int16",
                IntKind::Int32 => "int32",
                IntKind::Int64 | IntKind::Duration => "int64",
            },
            Self::Uint(kind) => match kind {
                UintKind::Uint => "uint",
                UintKind::Uint8 => "uint8",
                UintKind::Uint16 => "uint16",
                UintKind::Uint32 => "uint32",
                UintKind::Uint64 => "uint64",
                UintKind::Uintptr => "uintptr",
            },
            Self::Float(FloatKind::Float32) => "float32",
            Self::Float(FloatKind::Float64) => "float64",
            Self::Complex => "complex128",
            Self::Slice(_) => "slice",
            Self::Map(_) => "map",
            Self::Object(name) => {
                if name.starts_with('*') {
                    "ptr"
                } else {
                    "struct"
                }
            }
            Self::Func(_) => "func",
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Any => f.write_str("interface {}"),
            Self::Int(IntKind::Duration) => f.write_str("time.Duration"),
            Self::Int(IntKind::Month) => f.write_str("time.Month"),
            Self::Int(IntKind::Weekday) => f.write_str("time.Weekday"),
            Self::Slice(elem) => write!(f, "[]{elem}"),
            Self::Map(elem) => write!(f, "map[string]{elem}"),
            Self::Object(name) | Self::Func(name) => f.write_str(name),
            Self::Error => f.write_str("error"),
            Self::Bool | Self::String | Self::Int(_) | Self::Uint(_) | Self::Float(_) | Self::Complex => {
                f.write_str(self.kind_name())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_print_as_reflect_prints_them() {
        for (typ, want) in [
            (Type::ANY_MAP, "map[string]interface {}"),
            (Type::BYTES, "[]uint8"),
            (Type::Slice(&Type::ANY_LIST), "[][]interface {}"),
            (Type::DURATION, "time.Duration"),
            (Type::Object("*semver.Version"), "*semver.Version"),
            (Type::Complex, "complex128"),
        ] {
            assert_eq!(typ.to_string(), want);
        }
    }

    #[test]
    fn named_integers_have_the_kind_beneath() {
        assert_eq!(Type::DURATION.kind_name(), "int64");
        assert_eq!(Type::Int(IntKind::Month).kind_name(), "int");
    }
}
