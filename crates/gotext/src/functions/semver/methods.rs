//! `*semver.Version` and `semver.Version` as templates see them.

use std::any::Any;
use std::cmp::Ordering;

use super::version::{Version, check_build, check_prerelease};
use crate::template::{Args, Context, FuncError, Method, Object, Signature, Text, Type, Value};

/// The type `semver` gives.
pub(super) const POINTER: Type = Type::Object("*semver.Version");
/// The type of changed versions (`IncMajor`).
const STRUCT: Type = Type::Object("semver.Version");

/// A version, and whether Go holds it by pointer: then it has more methods, and `==` compares identities.
pub(super) struct Shown {
    version: Version,
    pointer: bool,
}

impl Shown {
    /// A `*semver.Version`.
    pub(super) fn pointer(version: Version) -> Self {
        Self {
            version,
            pointer: true,
        }
    }
}

impl Shown {
    /// The zero value of the same type.
    pub(super) fn zeroed(&self) -> Self {
        Self {
            version: Version::default(),
            pointer: self.pointer,
        }
    }
}

impl Object for Shown {
    fn type_name(&self) -> &'static str {
        if self.pointer {
            "*semver.Version"
        } else {
            "semver.Version"
        }
    }

    fn string(&self) -> Option<Text> {
        Some(self.version.to_text().into())
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        let version = &self.version;
        vec![
            ("major", uint64(version.major)),
            ("minor", uint64(version.minor)),
            ("patch", uint64(version.patch)),
            ("pre", Value::string(version.prerelease.as_slice())),
            ("metadata", Value::string(version.build.as_slice())),
            ("original", Value::string(version.original.as_slice())),
        ]
    }

    fn methods(&self) -> &'static [Method] {
        if self.pointer {
            POINTER_METHODS
        } else {
            STRUCT_METHODS
        }
    }

    fn json(&self) -> Option<Result<Text, FuncError>> {
        // The text has only characters that need no escapes.
        Some(Ok([b"\"", self.version.to_text().as_slice(), b"\""]
            .concat()
            .into()))
    }

    fn equals(&self, other: &dyn Object) -> bool {
        if self.pointer {
            let other: *const dyn Object = other;
            return std::ptr::addr_eq(self, other);
        }
        self.deep_equals(other)
    }

    fn deep_equals(&self, other: &dyn Object) -> bool {
        other
            .as_any()
            .downcast_ref()
            .is_some_and(|other: &Self| self.pointer == other.pointer && self.version == other.version)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

type Call = fn(&Version, Args<'_>) -> Result<Value, FuncError>;

macro_rules! methods {
    ($($name:literal ($($param:expr),*) -> $result:expr, $call:expr;)*) => {
        &[$(method($name, &[$($param),*], $result, |object, _, args| {
            const CALL: Call = $call;
            match object.as_any().downcast_ref() {
                Some(Shown { version, .. }) => CALL(version, args),
                None => Ok(Value::Nil),
            }
        }),)*]
    };
}

const fn method(
    name: &'static str,
    params: &'static [Type],
    result: Type,
    call: fn(&dyn Object, &mut Context<'_>, Args<'_>) -> Result<Value, FuncError>,
) -> Method {
    Method {
        name,
        signature: Signature::fixed(params, result),
        results: 0,
        call,
    }
}

const STRUCT_METHODS: &[Method] = methods! {
    "Major"() -> Type::UINT64, |version, _| Ok(uint64(version.major));
    "Minor"() -> Type::UINT64, |version, _| Ok(uint64(version.minor));
    "Patch"() -> Type::UINT64, |version, _| Ok(uint64(version.patch));
    "Prerelease"() -> Type::String, |version, _| Ok(Value::string(version.prerelease.as_slice()));
    "Metadata"() -> Type::String, |version, _| Ok(Value::string(version.build.as_slice()));
    "String"() -> Type::String, |version, _| Ok(Value::string(version.to_text()));
    "IncMajor"() -> STRUCT, |version, _| Ok(next(version, version.major.wrapping_add(1), 0, 0));
    "IncMinor"() -> STRUCT, |version, _| Ok(next(version, version.major, version.minor.wrapping_add(1), 0));
    "IncPatch"() -> STRUCT, |version, _| {
        // A pre-release's next patch is the release itself.
        let patch = version.patch.wrapping_add(u64::from(!version.is_prerelease()));
        Ok(next(version, version.major, version.minor, patch))
    };
    "SetPrerelease"(Type::String) -> STRUCT, |version, args| {
        let prerelease = args.bytes(0).to_vec();
        if !prerelease.is_empty() {
            check_prerelease(&prerelease).map_err(FuncError::new)?;
        }
        Ok(changed(version, Version { prerelease, ..version.clone() }))
    };
    "SetMetadata"(Type::String) -> STRUCT, |version, args| {
        let build = args.bytes(0).to_vec();
        if !build.is_empty() {
            check_build(&build).map_err(FuncError::new)?;
        }
        Ok(changed(version, Version { build, ..version.clone() }))
    };
    "MarshalText"() -> Type::BYTES, |version, _| Ok(Value::Bytes(version.to_text().into()));
    "MarshalJSON"() -> Type::BYTES, |version, _| {
        Ok(Value::Bytes([b"\"", version.to_text().as_slice(), b"\""].concat().into()))
    };
    "Value"() -> Type::Any, |version, _| Ok(Value::string(version.to_text()));
};

const POINTER_ONLY: &[Method] = methods! {
    "Original"() -> Type::String, |version, _| Ok(Value::string(version.original.as_slice()));
    "Compare"(POINTER) -> Type::INT, |version, args| Ok(Value::int(order(version, args)? as i64));
    // Alone among the comparisons this one looks for nil.
    "Equal"(POINTER) -> Type::Bool, |version, args| {
        Ok(Value::Bool(order(version, args).is_ok_and(Ordering::is_eq)))
    };
    "LessThan"(POINTER) -> Type::Bool, |version, args| Ok(Value::Bool(order(version, args)?.is_lt()));
    "LessThanEqual"(POINTER) -> Type::Bool, |version, args| Ok(Value::Bool(order(version, args)?.is_le()));
    "GreaterThan"(POINTER) -> Type::Bool, |version, args| Ok(Value::Bool(order(version, args)?.is_gt()));
    "GreaterThanEqual"(POINTER) -> Type::Bool, |version, args| Ok(Value::Bool(order(version, args)?.is_ge()));
};

/// A pointer has the methods of the struct, too.
const POINTER_METHODS: &[Method] = &{
    let [first, ..] = STRUCT_METHODS else { panic!() };
    let mut all = [*first; STRUCT_METHODS.len() + POINTER_ONLY.len()];
    let (structs, pointers) = all.split_at_mut(STRUCT_METHODS.len());
    structs.copy_from_slice(STRUCT_METHODS);
    pointers.copy_from_slice(POINTER_ONLY);
    all
};

fn uint64(n: u64) -> Value {
    Value::Uint(crate::template::UintKind::Uint64, n)
}

fn next(version: &Version, major: u64, minor: u64, patch: u64) -> Value {
    let release = Version {
        major,
        minor,
        patch,
        prerelease: Vec::new(),
        build: Vec::new(),
        original: Vec::new(),
    };
    changed(version, release)
}

/// The changed version, whose original text has a `v` if the old one's had.
fn changed(before: &Version, mut version: Version) -> Value {
    let mark = before
        .original
        .get(..1)
        .filter(|mark| *mark == b"v")
        .unwrap_or_default();
    version.original = [mark, version.to_text().as_slice()].concat();
    Value::object(Shown {
        version,
        pointer: false,
    })
}

fn order(version: &Version, args: Args<'_>) -> Result<Ordering, FuncError> {
    match args.object(0) {
        Some(Shown { version: other, .. }) => Ok(version.compare(other)),
        None => Err(FuncError::new(super::super::reflect::NIL_POINTER)),
    }
}
