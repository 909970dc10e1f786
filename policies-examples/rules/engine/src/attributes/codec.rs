//! Encodings by name: hexadecimal, base64, and the text encodings that matter. To add one: an arm in both functions.

use crate::error::{Error, Leak};

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Text to bytes.
pub(super) fn encode(text: &str, encoding: &str) -> Result<Vec<u8>, Error> {
    let encoding = encoding.to_lowercase();
    let broken = || Error::call(format!("error converting to {encoding}"));
    match encoding.as_str() {
        "base16" | "hex" => return from_hex(text.as_bytes()).ok_or_else(broken),
        "base64" => return from_base64(text.as_bytes()).ok_or_else(broken),
        _ => {}
    }
    let narrow = |most: u32| {
        let bytes = text.chars().map(|c| u8::try_from(u32::from(c)).ok());
        let bytes: Option<Vec<u8>> = bytes.collect();
        let bytes = bytes.filter(|bytes| bytes.iter().all(|byte| u32::from(*byte) < most));
        bytes.ok_or_else(unencodable)
    };
    let utf16 =
        |order: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(order).collect::<Vec<u8>>();
    let utf32 = |order: fn(u32) -> [u8; 4]| {
        let codes = text.chars().map(u32::from);
        codes.flat_map(order).collect::<Vec<u8>>()
    };
    Ok(match canonical(&encoding).as_str() {
        "utf_8" => text.as_bytes().to_vec(),
        "utf_8_sig" => [b"\xef\xbb\xbf", text.as_bytes()].concat(),
        "ascii" => narrow(0x80)?,
        "latin_1" => narrow(0x100)?,
        "utf_16" => [b"\xff\xfe".to_vec(), utf16(u16::to_le_bytes)].concat(),
        "utf_16_le" => utf16(u16::to_le_bytes),
        "utf_16_be" => utf16(u16::to_be_bytes),
        "utf_32" => [b"\xff\xfe\0\0".to_vec(), utf32(u32::to_le_bytes)].concat(),
        "utf_32_le" => utf32(u32::to_le_bytes),
        "utf_32_be" => utf32(u32::to_be_bytes),
        _ => return Err(unknown(&encoding)),
    })
}

/// Bytes to text.
pub(super) fn decode(bytes: &[u8], encoding: &str) -> Result<String, Error> {
    if bytes.is_empty() {
        // Python does not even look for the encoding.
        return Ok(String::new());
    }
    let encoding = encoding.to_lowercase();
    let decoded = match encoding.as_str() {
        "base16" | "hex" => Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect()),
        "base64" => Some(to_base64(bytes)),
        _ => match canonical(&encoding).as_str() {
            "utf_8" => String::from_utf8(bytes.to_vec()).ok(),
            "utf_8_sig" => {
                let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
                String::from_utf8(bytes.to_vec()).ok()
            }
            "ascii" => bytes
                .is_ascii()
                .then(|| bytes.iter().copied().map(char::from).collect()),
            "latin_1" => Some(bytes.iter().copied().map(char::from).collect()),
            "utf_16" => match bytes {
                [0xfe, 0xff, rest @ ..] => from_utf16(rest, u16::from_be_bytes),
                [0xff, 0xfe, rest @ ..] => from_utf16(rest, u16::from_le_bytes),
                _ => from_utf16(bytes, u16::from_le_bytes),
            },
            "utf_16_le" => from_utf16(bytes, u16::from_le_bytes),
            "utf_16_be" => from_utf16(bytes, u16::from_be_bytes),
            "utf_32" => match bytes {
                [0, 0, 0xfe, 0xff, rest @ ..] => from_utf32(rest, u32::from_be_bytes),
                [0xff, 0xfe, 0, 0, rest @ ..] => from_utf32(rest, u32::from_le_bytes),
                _ => from_utf32(bytes, u32::from_le_bytes),
            },
            "utf_32_le" => from_utf32(bytes, u32::from_le_bytes),
            "utf_32_be" => from_utf32(bytes, u32::from_be_bytes),
            _ => return Err(unknown(&encoding)),
        },
    };
    decoded.ok_or_else(unencodable)
}

/// One name for each encoding, from Python's aliases.
fn canonical(name: &str) -> String {
    let parts = name.split(|c: char| !c.is_ascii_alphanumeric() && c != '.');
    let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
    let name = parts.join("_");
    let canonical = match name.as_str() {
        "utf8" | "utf" | "u8" | "cp65001" | "utf8_ucs2" | "utf8_ucs4" => "utf_8",
        "us_ascii" | "646" | "ansi_x3.4_1968" | "cp367" | "ibm367" | "iso646_us" | "us" => "ascii",
        "latin1" | "latin" | "l1" | "8859" | "iso8859" | "iso8859_1" | "iso_8859_1" | "cp819"
        | "ibm819" => "latin_1",
        "utf16" | "u16" => "utf_16",
        "utf_16le" | "unicodelittleunmarked" => "utf_16_le",
        "utf_16be" | "unicodebigunmarked" => "utf_16_be",
        "utf32" | "u32" => "utf_32",
        "utf_32le" => "utf_32_le",
        "utf_32be" => "utf_32_be",
        other => other,
    };
    canonical.to_owned()
}

fn unknown(encoding: &str) -> Error {
    Error::call(format!("invalid encoding name {encoding}"))
}

fn unencodable() -> Error {
    Error::leaked(Leak::ValueError, "codec error")
}

fn from_utf16(bytes: &[u8], order: fn([u8; 2]) -> u16) -> Option<String> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let units: Vec<u16> = pairs.iter().copied().map(order).collect();
    rest.is_empty()
        .then(|| String::from_utf16(&units).ok())
        .flatten()
}

fn from_utf32(bytes: &[u8], order: fn([u8; 4]) -> u32) -> Option<String> {
    let (fours, rest) = bytes.as_chunks::<4>();
    let text = fours.iter().copied().map(order).map(char::from_u32);
    rest.is_empty().then(|| text.collect()).flatten()
}

fn from_hex(text: &[u8]) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let bytes = pairs
        .iter()
        .map(|[high, low]| u8::try_from(digit(*high)? * 16 + digit(*low)?).ok());
    bytes.collect()
}

fn to_base64(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk
            .iter()
            .fold(0u32, |bits, byte| bits << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let sextet = (bits >> (18 - 6 * place)) & 63;
            let letter = BASE64.get(sextet as usize).copied().unwrap_or(b'=');
            out.push(if place > chunk.len() {
                '='
            } else {
                char::from(letter)
            });
        }
    }
    out
}

/// As `binascii.a2b_base64` without its strict mode: what is no letter is skipped, padding in the middle too.
fn from_base64(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let (mut bits, mut filled, mut pads) = (0u32, 0, 0);
    for byte in text {
        if *byte == b'=' {
            if filled >= 2 {
                pads += 1;
                if filled + pads >= 4 {
                    return Some(out);
                }
            }
            continue;
        }
        let Some(sextet) = BASE64.iter().position(|letter| letter == byte) else {
            continue;
        };
        pads = 0;
        bits = (bits << 6 | sextet as u32) & 0xffff;
        filled = (filled + 1) % 4;
        match filled {
            2 => out.push((bits >> 4) as u8),
            3 => out.push((bits >> 2) as u8),
            0 => out.push(bits as u8),
            _ => {}
        }
    }
    (filled == 0).then_some(out)
}
