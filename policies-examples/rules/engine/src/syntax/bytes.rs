//! Escapes in `b"…"`: a few of them in version 5, those of Python's own bytes literals in version 4.

use super::strings;
use crate::error::{Error, ErrorKind, Leak};

/// What the content of a literal stands for.
pub(super) fn unescape(content: &str, v4: bool) -> Result<Vec<u8>, Error> {
    if v4 {
        return as_python(content).ok_or_else(|| invalid("invalid bytes literal"));
    }
    let text = strings::encode(content);
    if let Some(at) = invalid_escape(text.as_bytes()) {
        return Err(invalid(format!(
            "invalid bytes literal (invalid escape at position {at})"
        )));
    }
    unescape_signs(&unescape_codes(text.as_bytes()))
}

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::BytesSyntaxError, message)
}

/// Where a backslash that is not itself escaped stands before something unknown: the start of its row of backslashes.
fn invalid_escape(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    while at < text.len() {
        let rest = text.get(at..)?;
        let row = rest.iter().take_while(|byte| **byte == b'\\').count();
        let after = rest.get(row..)?;
        let known = match after.first() {
            Some(b't' | b'n' | b'r' | b'"' | b'\'') => true,
            Some(b'x') => hex_byte(after).is_some(),
            _ => false,
        };
        if row % 2 == 1 && !known {
            return Some(at);
        }
        at += row.max(1);
    }
    None
}

/// `xHH` at the front.
fn hex_byte(text: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(text.get(1..3)?).ok()?;
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex
        .then(|| u8::from_str_radix(digits, 16).ok())
        .flatten()
}

/// The original replaces all `\xHH` first, also those whose backslash is escaped…
fn unescape_codes(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        if *first == b'\\'
            && after.first() == Some(&b'x')
            && let Some(byte) = hex_byte(after)
        {
            out.push(byte);
            rest = after.get(3..).unwrap_or_default();
        } else {
            out.push(*first);
            rest = after;
        }
    }
    out
}

/// … and then the other escapes, of which its table has only these: others raise a `KeyError`.
fn unescape_signs(text: &[u8]) -> Result<Vec<u8>, Error> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let (b'\\', Some((sign, beyond))) = (*first, after.split_first()) else {
            out.push(*first);
            continue;
        };
        if *sign == b'\n' {
            out.push(b'\\');
        }
        out.push(match sign {
            b'\n' => b'\n',
            b't' => b'\t',
            b'n' => b'\n',
            b'r' => b'\r',
            b'"' | b'\'' | b'\\' => *sign,
            b'x' => return Err(Error::leaked(Leak::ValueError, "invalid literal for int()")),
            _ => return Err(Error::leaked(Leak::KeyError, "unknown escape")),
        });
        rest = beyond;
    }
    Ok(out)
}

/// A bytes literal of Python: unknown escapes stay as they are.
fn as_python(content: &str) -> Option<Vec<u8>> {
    if !content.is_ascii() || content.contains(['\0', '\r']) {
        return None;
    }
    let mut out = Vec::with_capacity(content.len());
    let mut rest = content.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'\\' {
            out.push(*first);
            continue;
        }
        let (sign, beyond) = after.split_first()?;
        rest = beyond;
        match sign {
            b'\\' | b'\'' | b'"' => out.push(*sign),
            b'a' => out.push(7),
            b'b' => out.push(8),
            b't' => out.push(b'\t'),
            b'n' => out.push(b'\n'),
            b'v' => out.push(11),
            b'f' => out.push(12),
            b'r' => out.push(b'\r'),
            b'x' => {
                out.push(hex_byte(after)?);
                rest = after.get(3..)?;
            }
            b'0'..=b'7' => {
                let digits = after
                    .iter()
                    .take(3)
                    .take_while(|byte| (b'0'..=b'7').contains(byte));
                let length = digits.clone().count();
                let code = digits.fold(0u32, |sum, digit| sum * 8 + u32::from(digit - b'0'));
                out.push((code & 0xff) as u8);
                rest = after.get(length..)?;
            }
            other => out.extend([b'\\', *other]),
        }
    }
    Some(out)
}
