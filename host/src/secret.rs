//! Secrets: where they come from, and how they are kept out of everything that is written down.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Shorter texts are found everywhere by chance.
const MIN_SCRUBBED: usize = 4;

/// Where a secret comes from. It is read at each use, so that a new one is taken up.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// In the configuration itself.
    Text(String),
    /// An environment variable.
    Env(String),
    /// A file; a line end at its end does not count.
    File(PathBuf),
}

/// Never the value.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Secret::Text(_) => f.write_str("Text(…)"),
            Secret::Env(name) => f.debug_tuple("Env").field(name).finish(),
            Secret::File(path) => f.debug_tuple("File").field(path).finish(),
        }
    }
}

/// Why a secret cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The variable is not set.
    #[error("environment variable {0} is not set or no text")]
    Env(String),
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Every secret that was read, to be struck out of what is written down.
#[derive(Default)]
pub struct Secrets(Mutex<BTreeSet<String>>);

impl Secrets {
    /// Reads a secret, and remembers what to strike out.
    pub fn read(&self, secret: &Secret) -> Result<String, SecretError> {
        let value = match secret {
            Secret::Text(text) => text.clone(),
            Secret::Env(name) => std::env::var(name).map_err(|_| SecretError::Env(name.clone()))?,
            Secret::File(path) => {
                let text = std::fs::read_to_string(path).map_err(|source| SecretError::File {
                    path: path.clone(),
                    source,
                })?;
                text.trim_end_matches(['\r', '\n']).to_owned()
            }
        };
        self.remember(&value);
        Ok(value)
    }

    /// Reads a URL, whose password must not be written down either.
    pub fn read_url(&self, secret: &Secret) -> Result<String, SecretError> {
        let url = self.read(secret)?;
        if let Ok(parsed) = url::Url::parse(&url)
            && let Some(password) = parsed.password()
        {
            self.remember(password);
        }
        Ok(url)
    }

    /// Remembers something that must not be written down: a part of a secret, such as the password in a URL, or the
    /// word behind `Bearer`.
    pub fn remember(&self, value: &str) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // `Basic` hides name and password but thinly (RFC 7617).
        let basic = value.strip_prefix("Basic ").and_then(|encoded| {
            let decoded = STANDARD.decode(encoded.trim()).ok()?;
            String::from_utf8(decoded).ok()
        });
        let pair = basic.as_deref();
        let password = pair
            .and_then(|pair| pair.split_once(':'))
            .map(|(_, password)| password);
        let whole = [Some(value), pair, password].into_iter().flatten();
        for word in whole.chain(value.split_whitespace()) {
            if word.len() >= MIN_SCRUBBED && !known.contains(word) {
                known.insert(word.to_owned());
            }
        }
    }

    /// Bytes without any secret; those that hold none are left as they are.
    pub fn scrub_bytes(&self, bytes: Vec<u8>) -> Vec<u8> {
        let found = {
            let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let holds = |secret: &String| memchr::memmem::find(&bytes, secret.as_bytes()).is_some();
            known.iter().any(holds)
        };
        if found {
            self.scrub(&String::from_utf8_lossy(&bytes)).into_bytes()
        } else {
            bytes
        }
    }

    /// The text without any secret, and without control characters.
    pub fn scrub(&self, text: &str) -> String {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The longest first: one may be part of another.
        let mut longest: Vec<&String> = known.iter().collect();
        longest.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        let scrubbed = longest
            .into_iter()
            .fold(text.to_owned(), |text, secret| text.replace(secret, "***"));
        scrubbed.replace(|c: char| c.is_control() && c != '\n', "\u{fffd}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_struck_out_of_every_text() {
        let secrets = Secrets::default();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        std::fs::write(&file, "Bearer from-file\n").unwrap();
        assert_eq!(
            secrets.read(&Secret::File(file)).unwrap(),
            "Bearer from-file"
        );
        assert_eq!(
            secrets.read(&Secret::Text("from-file-too".into())).unwrap(),
            "from-file-too"
        );
        assert_eq!(
            secrets.scrub("it said \u{1b}from-file-too, Bearer from-file and from-file\n"),
            "it said \u{fffd}***, *** and ***\n"
        );
        assert!(
            secrets
                .read(&Secret::Env("TOUCHSTONE_TEST_NOT_SET".into()))
                .is_err()
        );
        assert_eq!(format!("{:?}", Secret::Text("hidden".into())), "Text(…)");
    }
}
