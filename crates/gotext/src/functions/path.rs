//! Slash-separated paths: `base`, `dir`, `clean`, `ext`, `isAbs`, and their `os` twins, which on Linux are the same.
//!
//! These are Go's lexical rules on bytes (`path.Clean` and what builds on it); `std::path` keeps `..` and has other
//! notions of a base name.

use crate::template::{Args, Context, FuncError, Function, Type, Value};

/// The functions of this family.
pub(super) const TABLE: &[Function] = &[
    Function::fixed("base", &[Type::String], Type::String, call_base),
    Function::fixed("dir", &[Type::String], Type::String, call_dir),
    Function::fixed("clean", &[Type::String], Type::String, call_clean),
    Function::fixed("ext", &[Type::String], Type::String, call_extension),
    Function::fixed("isAbs", &[Type::String], Type::Bool, |_, args| {
        Ok(is_absolute(args))
    }),
    Function::fixed("osBase", &[Type::String], Type::String, call_base),
    Function::fixed("osDir", &[Type::String], Type::String, call_dir),
    Function::fixed("osClean", &[Type::String], Type::String, call_clean),
    Function::fixed("osExt", &[Type::String], Type::String, call_extension),
    Function::fixed("osIsAbs", &[Type::String], Type::Bool, |_, args| {
        Ok(is_absolute(args))
    }),
];

fn call_base(context: &mut Context<'_>, args: Args<'_>) -> Result<Value, FuncError> {
    context.charge_bytes(args.bytes(0).len())?;
    Ok(Value::string(base(args.bytes(0))))
}

fn call_dir(context: &mut Context<'_>, args: Args<'_>) -> Result<Value, FuncError> {
    context.charge_bytes(args.bytes(0).len())?;
    Ok(Value::string(dir(args.bytes(0))))
}

fn call_clean(context: &mut Context<'_>, args: Args<'_>) -> Result<Value, FuncError> {
    context.charge_bytes(args.bytes(0).len())?;
    Ok(Value::string(clean(args.bytes(0))))
}

fn call_extension(context: &mut Context<'_>, args: Args<'_>) -> Result<Value, FuncError> {
    context.charge_bytes(args.bytes(0).len())?;
    Ok(Value::string(extension(args.bytes(0))))
}

fn is_absolute(args: Args<'_>) -> Value {
    Value::Bool(args.bytes(0).starts_with(b"/"))
}

/// The shortest path of the same meaning; `.` for none.
fn clean(path: &[u8]) -> Vec<u8> {
    let rooted = path.starts_with(b"/");
    let mut kept: Vec<&[u8]> = Vec::new();
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => {
                if kept.last().is_some_and(|last| *last != b"..") {
                    kept.pop();
                } else if !rooted {
                    kept.push(part);
                }
            }
            _ => kept.push(part),
        }
    }
    let joined = kept.join(&b'/');
    if rooted {
        [b"/", joined.as_slice()].concat()
    } else if joined.is_empty() {
        b".".to_vec()
    } else {
        joined
    }
}

/// All but the last element, cleaned.
fn dir(path: &[u8]) -> Vec<u8> {
    let end = path
        .iter()
        .rposition(|byte| *byte == b'/')
        .map_or(0, |slash| slash + 1);
    clean(path.get(..end).unwrap_or_default())
}

/// The last element without trailing slashes; `.` for the empty path, `/` for slashes alone.
fn base(path: &[u8]) -> Vec<u8> {
    if path.is_empty() {
        return b".".to_vec();
    }
    let end = path
        .iter()
        .rposition(|byte| *byte != b'/')
        .map_or(0, |last| last + 1);
    let trimmed = path.get(..end).unwrap_or_default();
    match trimmed.rsplit(|byte| *byte == b'/').next() {
        None | Some(b"") => b"/".to_vec(),
        Some(last) => last.to_vec(),
    }
}

/// The last element's suffix from its last dot on.
fn extension(path: &[u8]) -> Vec<u8> {
    let last = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    match last.iter().rposition(|byte| *byte == b'.') {
        Some(dot) => last.get(dot..).unwrap_or_default().to_vec(),
        None => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clean_drops_empty_and_dot_elements_and_resolves_dot_dot() {
        for (path, want) in [
            ("", "."),
            ("a//b/../c", "a/c"),
            ("/../a", "/a"),
            ("../../a", "../../a"),
            ("a/..", "."),
            ("/", "/"),
            ("a/../..", ".."),
            ("./a/", "a"),
        ] {
            assert_eq!(clean(path.as_bytes()), want.as_bytes(), "{path}");
        }
    }

    #[test]
    fn base_and_dir_and_ext_agree_with_go() {
        for (path, want_base, want_dir, want_ext) in [
            ("/a/b.c", "b.c", "/a", ".c"),
            ("x.tar.gz", "x.tar.gz", ".", ".gz"),
            ("a/b/", "b", "a/b", ""),
            ("///", "/", "/", ""),
            ("", ".", ".", ""),
            (".hidden", ".hidden", ".", ".hidden"),
            ("a.b/c", "c", "a.b", ""),
        ] {
            assert_eq!(base(path.as_bytes()), want_base.as_bytes(), "{path}");
            assert_eq!(dir(path.as_bytes()), want_dir.as_bytes(), "{path}");
            assert_eq!(extension(path.as_bytes()), want_ext.as_bytes(), "{path}");
        }
    }
}
