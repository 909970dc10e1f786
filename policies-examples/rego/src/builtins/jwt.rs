//! `io.jwt.*`: tokens are taken apart, and checked where the key is a shared secret (RFC 7515, RFC 7518 §3.2).

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use regorus::Value;
use serde_json::json;

use super::{Builtin, Fault, crypto, text, value};

pub(super) const TABLE: &[Builtin] = &[
    Builtin {
        name: "io.jwt.decode",
        arguments: 1,
        call: decode,
    },
    Builtin {
        name: "io.jwt.verify_hs256",
        arguments: 2,
        call: |arguments| verify("HS256", arguments),
    },
    Builtin {
        name: "io.jwt.verify_hs384",
        arguments: 2,
        call: |arguments| verify("HS384", arguments),
    },
    Builtin {
        name: "io.jwt.verify_hs512",
        arguments: 2,
        call: |arguments| verify("HS512", arguments),
    },
];

/// Header, payload, signature in hexadecimal.
fn decode(arguments: &[Value]) -> Result<Value, Fault> {
    let parts = Parts::of(text(arguments, 0)?)?;
    let (header, payload) = (document(parts.header)?, document(parts.payload)?);
    let signature = HEXLOWER.encode(&bytes(parts.signature)?);
    value(json!([header, payload, signature]))
}

fn verify(algorithm: &str, arguments: &[Value]) -> Result<Value, Fault> {
    let (token, secret) = (text(arguments, 0)?, text(arguments, 1)?);
    let parts = Parts::of(token)?;
    let says = document(parts.header)?;
    let signature = bytes(parts.signature)?;
    let signed = format!("{}.{}", parts.header, parts.payload);
    let expected = crypto::code(algorithm, secret, &signed)?;
    // A token that names another algorithm is not what its maker meant this key for.
    let is_meant = says.get("alg").and_then(|name| name.as_str()) == Some(algorithm);
    let is_right = expected.is_some_and(|expected| crypto::equal(&expected, &signature));
    Ok((is_meant && is_right).into())
}

struct Parts<'a> {
    header: &'a str,
    payload: &'a str,
    signature: &'a str,
}

impl Parts<'_> {
    fn of(token: &str) -> Result<Parts<'_>, Fault> {
        let mut parts = token.split('.');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(header), Some(payload), Some(signature), None) => Ok(Parts {
                header,
                payload,
                signature,
            }),
            _ => Err(Fault::Arguments("a token has three parts".to_owned())),
        }
    }
}

fn bytes(part: &str) -> Result<Vec<u8>, Fault> {
    let decoded = BASE64URL_NOPAD.decode(part.as_bytes());
    decoded.map_err(|error| Fault::Arguments(format!("not base64url: {error}")))
}

fn document(part: &str) -> Result<serde_json::Value, Fault> {
    serde_json::from_slice(&bytes(part)?)
        .map_err(|error| Fault::Arguments(format!("not JSON: {error}")))
}
