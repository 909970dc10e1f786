//! `crypto.*`: digests, and digests with keys.

use data_encoding::HEXLOWER;
use hmac::{Hmac, Mac};
use md5::Md5;
use regorus::Value;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::{Builtin, Fault, text};

pub(super) const TABLE: &[Builtin] = &[
    digest("crypto.md5", hash::<Md5>),
    digest("crypto.sha1", hash::<Sha1>),
    digest("crypto.sha256", hash::<Sha256>),
    keyed("crypto.hmac.md5", |arguments| {
        hex(Hmac::<Md5>::new_from_slice(key(arguments)?), arguments)
    }),
    keyed("crypto.hmac.sha1", |arguments| {
        hex(Hmac::<Sha1>::new_from_slice(key(arguments)?), arguments)
    }),
    keyed("crypto.hmac.sha256", |arguments| {
        hex(Hmac::<Sha256>::new_from_slice(key(arguments)?), arguments)
    }),
    keyed("crypto.hmac.sha512", |arguments| {
        hex(Hmac::<Sha512>::new_from_slice(key(arguments)?), arguments)
    }),
    keyed("crypto.hmac.equal", |arguments| {
        Ok(equal(
            text(arguments, 0)?.as_bytes(),
            text(arguments, 1)?.as_bytes(),
        )
        .into())
    }),
];

type Call = fn(&[Value]) -> Result<Value, Fault>;

const fn digest(name: &'static str, call: Call) -> Builtin {
    Builtin {
        name,
        arguments: 1,
        call,
    }
}

const fn keyed(name: &'static str, call: Call) -> Builtin {
    Builtin {
        name,
        arguments: 2,
        call,
    }
}

fn hash<D: Digest>(arguments: &[Value]) -> Result<Value, Fault> {
    let digest = D::digest(text(arguments, 0)?.as_bytes());
    Ok(HEXLOWER.encode(&digest).into())
}

fn key(arguments: &[Value]) -> Result<&[u8], Fault> {
    Ok(text(arguments, 1)?.as_bytes())
}

fn hex<M: Mac>(
    mac: Result<M, hmac::digest::InvalidLength>,
    arguments: &[Value],
) -> Result<Value, Fault> {
    let code = authenticate(mac, text(arguments, 0)?)?;
    Ok(HEXLOWER.encode(&code).into())
}

fn authenticate<M: Mac>(
    mac: Result<M, hmac::digest::InvalidLength>,
    message: &str,
) -> Result<Vec<u8>, Fault> {
    let mut mac = mac.map_err(|error| Fault::Arguments(error.to_string()))?;
    mac.update(message.as_bytes());
    Ok(mac.finalize().into_bytes().to_vec())
}

/// The code of a JSON Web Token's algorithm, `HS256`; nothing when it is another one.
pub(super) fn code(algorithm: &str, key: &str, message: &str) -> Result<Option<Vec<u8>>, Fault> {
    let key = key.as_bytes();
    let code = match algorithm {
        "HS256" => authenticate(Hmac::<Sha256>::new_from_slice(key), message),
        "HS384" => authenticate(Hmac::<Sha384>::new_from_slice(key), message),
        "HS512" => authenticate(Hmac::<Sha512>::new_from_slice(key), message),
        _ => return Ok(None),
    };
    code.map(Some)
}

/// In a time that does not tell where they differ.
pub(super) fn equal(left: &[u8], right: &[u8]) -> bool {
    let differing = left.iter().zip(right).fold(0, |sum, (a, b)| sum | (a ^ b));
    left.len() == right.len() && differing == 0
}
