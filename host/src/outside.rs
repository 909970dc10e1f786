//! What lies outside of the sandbox: everything that a host call can reach once it was allowed.

mod budget;

use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::sync::Mutex;

use crate::config::{HostConfig, Targets};
use crate::egress::{Answers, CaError, Egress};
use crate::knowledge::Knowledge;
use crate::secret::{SecretError, Secrets};
use crate::store::{Store, StoreError};
use crate::waiver::{Waiver, Waivers};

pub use self::budget::Budgets;

/// One for the whole host.
pub struct Outside {
    /// HTTP.
    pub egress: Egress,
    /// What `http` found.
    pub answers: Answers,
    /// The state.
    pub store: Arc<dyn Store>,
    /// What is known of images.
    pub knowledge: Knowledge,
    /// Waivers that were added while the host runs.
    pub waivers: ArcSwap<Waivers>,
    /// Held from reading these until they are in force, so that nobody puts older ones in the place.
    reading_waivers: Mutex<()>,
    /// Secrets, as far as they were read.
    pub secrets: Secrets,
    /// What was used of grants that count by the minute.
    pub budgets: Budgets,
    /// Whether nothing outside is reached.
    sealed: bool,
    targets: ArcSwap<Targets>,
    mask: ArcSwap<Vec<String>>,
}

/// Credentials, ready to be sent.
pub struct Ready {
    /// To be added to a request.
    pub headers: HeaderMap,
    /// The key of its signature.
    pub sign: Option<String>,
}

/// Why credentials cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// Nobody knows them.
    #[error("touchstone.yaml has no credentials {0:?}")]
    Unknown(String),
    /// They cannot be read.
    #[error("credentials {name}: {reason}")]
    Unusable {
        /// Which.
        name: String,
        /// Why.
        reason: String,
    },
}

impl Outside {
    /// Reads credentials.
    pub fn credentials(&self, name: &str) -> Result<Ready, CredentialsError> {
        let targets = self.targets();
        let Some(credentials) = targets.credentials.get(name) else {
            return Err(CredentialsError::Unknown(name.to_owned()));
        };
        if self.sealed {
            return Ok(Ready {
                headers: HeaderMap::new(),
                sign: None,
            });
        }
        let unusable = |reason: String| CredentialsError::Unusable {
            name: name.to_owned(),
            reason,
        };
        let unread = |error: SecretError| unusable(error.to_string());
        let mut headers = HeaderMap::new();
        for (header, secret) in &credentials.headers {
            let value = self.secrets.read(secret).map_err(unread)?;
            let bad = || unusable(format!("the value for {header} cannot stand in a header"));
            let key = HeaderName::from_bytes(header.as_bytes()).map_err(|_| bad())?;
            let mut value = HeaderValue::from_str(&value).map_err(|_| bad())?;
            value.set_sensitive(true);
            headers.insert(key, value);
        }
        let sign = credentials
            .sign
            .as_ref()
            .map(|secret| self.secrets.read(secret));
        Ok(Ready {
            headers,
            sign: sign.transpose().map_err(unread)?,
        })
    }

    /// With a store, and the certificates in these files.
    pub fn new(store: Arc<dyn Store>, ca: &[PathBuf]) -> Result<Outside, CaError> {
        Ok(Outside::with(store, Egress::new(ca)?, false))
    }

    /// Reaches nothing and knows no secrets: what a request would carry is empty, so that none is needed.
    pub fn sealed(store: Arc<dyn Store>, egress: Egress) -> Outside {
        Outside::with(store, egress, true)
    }

    fn with(store: Arc<dyn Store>, egress: Egress, sealed: bool) -> Outside {
        Outside {
            egress,
            answers: Answers::default(),
            knowledge: Knowledge::new(Arc::clone(&store)),
            waivers: ArcSwap::default(),
            reading_waivers: Mutex::default(),
            store,
            secrets: Secrets::default(),
            budgets: Budgets::default(),
            sealed,
            targets: ArcSwap::default(),
            mask: ArcSwap::default(),
        }
    }

    /// Reads the waivers that were added.
    pub async fn read_waivers(&self) -> Result<(), StoreError> {
        let _reading = self.reading_waivers.lock().await;
        let kept = self.store.waivers().await?;
        let read = |(id, body): (String, String)| {
            let waiver = serde_json::from_str::<Waiver>(&body).map_err(|error| error.to_string());
            let broken = |reason| StoreError::Unavailable(format!("waiver {id:?}: {reason}"));
            waiver.map_err(broken)
        };
        let waivers: Result<Vec<Waiver>, StoreError> = kept.into_iter().map(read).collect();
        let waivers =
            Waivers::of(waivers?).map_err(|error| StoreError::Unavailable(error.to_string()))?;
        self.waivers.store(Arc::new(waivers));
        Ok(())
    }

    /// Takes up what touchstone.yaml names now.
    pub fn configure(&self, config: &HostConfig) {
        self.targets.store(Arc::new(config.targets.clone()));
        self.mask.store(Arc::new(config.mask.clone()));
    }

    /// What may be named.
    pub fn targets(&self) -> Arc<Targets> {
        self.targets.load_full()
    }

    /// Whether a log field's value is to be hidden.
    pub fn masks(&self, field: &str) -> bool {
        let field = field.to_lowercase();
        self.mask.load().contains(&field)
    }
}
