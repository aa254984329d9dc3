//! `URL.String`.

use zeroize::Zeroizing;

use super::escape::{Part, escape};
use super::{Url, User};
use crate::template::Buffer;

/// Puts a URL together.
pub(super) fn print(url: &Url) -> Buffer {
    let mut out = Buffer::new();
    if !url.scheme.is_empty() {
        out.extend(&url.scheme);
        out.push(b':');
    }
    if url.opaque.is_empty() {
        push_authority(&mut out, url);
        let path = if url.path == b"*" {
            url.path.clone()
        } else {
            escape(&url.path, Part::Path)
        };
        if !path.is_empty() && !path.starts_with(b"/") && !url.host.is_empty() {
            out.push(b'/');
        }
        // A colon in the first segment would make it a scheme.
        let segment = path.split(|byte| *byte == b'/').next().unwrap_or_default();
        if out.is_empty() && segment.contains(&b':') {
            out.extend(b"./");
        }
        out.extend(&path);
    } else {
        out.extend(&url.opaque);
    }
    if !url.query.is_empty() {
        out.push(b'?');
        out.extend(&url.query);
    }
    if !url.fragment.is_empty() {
        out.push(b'#');
        out.extend(&escape(&url.fragment, Part::Fragment));
    }
    out
}

fn push_authority(out: &mut Buffer, url: &Url) {
    let absolute = !url.scheme.is_empty() || !url.host.is_empty() || url.user.is_some();
    if absolute && (!url.host.is_empty() || !url.path.is_empty() || url.user.is_some()) {
        out.extend(b"//");
    }
    if let Some(user) = &url.user {
        push_user(out, user);
        out.push(b'@');
    }
    out.extend(&escape(&url.host, Part::Host));
}

fn push_user(out: &mut Buffer, user: &User) {
    out.extend(&escape(&user.name, Part::User));
    if let Some(password) = &user.password {
        out.push(b':');
        out.extend(&Zeroizing::new(escape(password, Part::User)));
    }
}

/// `NAME` or `NAME:PASSWORD`, escaped.
pub(super) fn user(user: &User) -> Buffer {
    let mut out = Buffer::new();
    push_user(&mut out, user);
    out
}

#[cfg(test)]
mod tests {
    use super::super::parse::parse;
    use super::*;

    #[test]
    fn a_parsed_url_prints_as_it_was() {
        for text in [
            "https://u:p@h.com:8080/p/a?q=1#f",
            "mailto:a@b.c",
            "//host/path",
            "/a%20b?x=%20",
            "http://[fe80::1]:80/",
            "postgres://u:p%40ss@h1:1,h2:2/db",
        ] {
            let url = parse(text.as_bytes()).unwrap_or_else(|error| panic!("{error:?}"));
            assert_eq!(String::from_utf8(print(&url).to_vec()).unwrap(), text);
        }
    }

    #[test]
    fn errors_name_the_url_and_what_is_wrong() {
        for (text, want) in [
            (":x", r#"parse ":x": missing protocol scheme"#),
            (
                "http://a b/",
                r#"parse "http://a b/": invalid character " " in host name"#,
            ),
            (
                "http://h:x/",
                r#"parse "http://h:x/": invalid port ":x" after host"#,
            ),
            ("/%zz", r#"parse "/%zz": invalid URL escape "%zz""#),
            (
                "a:b:c\n",
                r#"parse "a:b:c\n": net/url: invalid control character in URL"#,
            ),
            (
                "1a:b",
                r#"parse "1a:b": first path segment in URL cannot contain colon"#,
            ),
        ] {
            let error = parse(text.as_bytes()).err().unwrap();
            assert_eq!(String::from_utf8(error).unwrap(), want);
        }
    }
}
