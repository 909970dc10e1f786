//! Escapes in `"…"`: Python's `unicode-escape` codec, applied the roundabout way of the original.

use crate::error::{Error, ErrorKind};
use crate::python;

/// What the content of a literal stands for.
pub(super) fn unescape(content: &str) -> Result<String, Error> {
    if !content.contains('\\') {
        return Ok(content.to_owned());
    }
    decode(&encode(content))
        .ok_or_else(|| Error::new(ErrorKind::StringSyntaxError, "invalid string literal"))
}

/// All but printable ASCII written as escapes, then every doubled backslash made single again. A backslash before a
/// character outside ASCII takes part in that: `"\é"` is the text `\xe9`.
pub(super) fn encode(content: &str) -> String {
    let mut out = String::with_capacity(content.len());
    for c in content.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            ' '..='~' => out.push(c),
            c => out.push_str(&python::escaped(c)),
        }
    }
    out.replace("\\\\", "\\")
}

/// Reads escapes; unknown ones stay as they are.
fn decode(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, after)) = rest.split_once('\\') {
        out.push_str(plain);
        let c = after.chars().next()?;
        rest = after.get(c.len_utf8()..)?;
        match c {
            '\n' => {}
            '\\' | '\'' | '"' => out.push(c),
            'a' => out.push('\u{7}'),
            'b' => out.push('\u{8}'),
            't' => out.push('\t'),
            'n' => out.push('\n'),
            'v' => out.push('\u{b}'),
            'f' => out.push('\u{c}'),
            'r' => out.push('\r'),
            'x' => out.push(hex(&mut rest, 2)?),
            'u' => out.push(hex(&mut rest, 4)?),
            'U' => out.push(hex(&mut rest, 8)?),
            'N' => out.push(named(&mut rest)?),
            '0'..='7' => {
                let digits = after
                    .bytes()
                    .take(3)
                    .take_while(|byte| (b'0'..=b'7').contains(byte));
                let length = digits.count();
                let code = u32::from_str_radix(after.get(..length)?, 8).ok()?;
                out.push(char::from_u32(code)?);
                rest = after.get(length..)?;
            }
            other => out.extend(['\\', other]),
        }
    }
    out.push_str(rest);
    Some(out)
}

/// So many hexadecimal digits. Half of a surrogate pair, which Python's strings can hold, is refused.
fn hex(rest: &mut &str, length: usize) -> Option<char> {
    let (digits, after) = rest.split_at_checked(length)?;
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    *rest = after;
    char::from_u32(u32::from_str_radix(digits, 16).ok()?)
}

fn named(rest: &mut &str) -> Option<char> {
    let (name, after) = rest.strip_prefix('{')?.split_once('}')?;
    *rest = after;
    unicode_names2::character(name)
}
