//! Who may ask for what.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

/// A listener that speaks TLS. The files are PEM, and are read again when they change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsConfig {
    /// Where.
    pub listen: SocketAddr,
    /// The certificate, and those between it and a root.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// Whose clients are known; nobody's, when empty.
    pub client_ca: Vec<PathBuf>,
    /// Whether clients have to show a certificate of these.
    pub clients: Clients,
}

/// Whether clients have to show a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Clients {
    /// Without one there is no connection.
    #[default]
    Required,
    /// Without one they are anybody.
    Optional,
}

/// What a caller may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Have events judged.
    Decide,
    /// See policies, decisions, actions, evidence, waivers, metrics.
    Read,
    /// Keep and remove evidence and waivers.
    Write,
    /// Retry and discard actions.
    Admin,
}

impl Scope {
    /// Every one.
    pub const ALL: [Scope; 4] = [Scope::Decide, Scope::Read, Scope::Write, Scope::Admin];

    /// As it is written in configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Scope::Decide => "decide",
            Scope::Read => "read",
            Scope::Write => "write",
            Scope::Admin => "admin",
        }
    }
}

/// Scopes by who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// With one of these in `Authorization: Bearer`.
    pub tokens: Vec<Token>,
    /// From this machine.
    pub loopback: BTreeSet<Scope>,
    /// With a certificate of a client CA.
    pub certificates: BTreeSet<Scope>,
    /// Everybody else.
    pub anonymous: BTreeSet<Scope>,
}

/// A token, of which only the hash is known.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// What it is called in the log.
    pub name: String,
    /// SHA-256.
    pub hash: [u8; 32],
    /// What it is good for.
    pub scopes: BTreeSet<Scope>,
}

/// Nobody needs the hash in a log.
impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Token {
            name,
            hash: _,
            scopes,
        } = self;
        f.debug_struct("Token")
            .field("name", name)
            .field("scopes", scopes)
            .finish_non_exhaustive()
    }
}

impl Default for Access {
    fn default() -> Access {
        Access {
            tokens: Vec::new(),
            loopback: Scope::ALL.into(),
            certificates: [Scope::Decide].into(),
            anonymous: [Scope::Decide].into(),
        }
    }
}

impl Access {
    /// The token that was shown, if it is known. Whoever guesses learns nothing from the time that this takes: what is
    /// compared are hashes.
    pub fn token(&self, hash: &[u8]) -> Option<&Token> {
        self.tokens.iter().find(|token| token.hash == hash)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct RawTls {
    listen: SocketAddr,
    certificate: PathBuf,
    key: PathBuf,
    #[serde(default)]
    client_ca: Vec<PathBuf>,
    #[serde(default)]
    clients: Option<Clients>,
}

impl RawTls {
    pub(super) fn typed(self, base: &std::path::Path) -> Result<TlsConfig, String> {
        let RawTls {
            listen,
            certificate,
            key,
            client_ca,
            clients,
        } = self;
        if client_ca.is_empty() && clients.is_some() {
            return Err(
                "tls.clients says nothing without tls.clientCa: name whose certificates count"
                    .to_owned(),
            );
        }
        Ok(TlsConfig {
            listen,
            certificate: base.join(certificate),
            key: base.join(key),
            client_ca: client_ca.into_iter().map(|path| base.join(path)).collect(),
            clients: clients.unwrap_or_default(),
        })
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub(super) struct RawAccess {
    tokens: Vec<RawToken>,
    loopback: Option<BTreeSet<Scope>>,
    certificates: Option<BTreeSet<Scope>>,
    anonymous: Option<BTreeSet<Scope>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct RawToken {
    name: String,
    sha256: String,
    scopes: BTreeSet<Scope>,
}

impl RawAccess {
    pub(super) fn typed(self) -> Result<Access, String> {
        let RawAccess {
            tokens,
            loopback,
            certificates,
            anonymous,
        } = self;
        let default = Access::default();
        let mut names = BTreeSet::new();
        let token = |token: RawToken| {
            let RawToken {
                name,
                sha256,
                scopes,
            } = token;
            let hash = hash_of(&sha256).ok_or_else(|| {
                format!("access.tokens: {name}: sha256 is 64 hexadecimal digits, of `printf %s TOKEN | sha256sum`")
            })?;
            match names.insert(name.clone()) {
                true => Ok(Token { name, hash, scopes }),
                false => Err(format!("access.tokens: {name} stands twice")),
            }
        };
        Ok(Access {
            tokens: tokens.into_iter().map(token).collect::<Result<_, _>>()?,
            loopback: loopback.unwrap_or(default.loopback),
            certificates: certificates.unwrap_or(default.certificates),
            anonymous: anonymous.unwrap_or(default.anonymous),
        })
    }
}

fn hash_of(text: &str) -> Option<[u8; 32]> {
    let mut hash = [0; 32];
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    for (byte, pair) in hash.iter_mut().zip(digits.chunks(2)) {
        let digit = |at: usize| char::from(*pair.get(at)?).to_digit(16);
        *byte = u8::try_from(digit(0)? * 16 + digit(1)?).ok()?;
    }
    Some(hash)
}
