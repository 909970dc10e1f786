//! What the TLS listener shows and asks for. Files are read again when they change; what is wrong with new ones leaves the old
//! ones in force, and connections that are there stay.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

use crate::config::{Clients, TlsConfig};

/// Takes up connections with what is in force.
pub struct Tls {
    config: TlsConfig,
    current: ArcSwap<ServerConfig>,
}

/// Why files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// One of them cannot be read.
    #[error("tls: {}: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// One of them is not what it should be.
    #[error("tls: {}: {reason}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// They do not go together.
    #[error("tls: {}: {reason}", certificate.display())]
    Unusable {
        /// The certificate.
        certificate: PathBuf,
        /// Why.
        reason: String,
    },
}

impl Tls {
    /// Reads the files.
    pub fn new(config: TlsConfig) -> Result<Tls, TlsError> {
        Ok(Tls {
            current: ArcSwap::from_pointee(server_config(&config)?),
            config,
        })
    }

    /// Reads the files again. What is wrong with them changes nothing.
    pub fn reload(&self) -> Result<(), TlsError> {
        self.current.store(Arc::new(server_config(&self.config)?));
        Ok(())
    }

    /// For one connection.
    pub fn acceptor(&self) -> TlsAcceptor {
        self.current.load_full().into()
    }

    /// The files, to be watched.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let TlsConfig {
            certificate,
            key,
            client_ca,
            ..
        } = &self.config;
        [certificate, key]
            .into_iter()
            .chain(client_ca)
            .map(PathBuf::as_path)
    }
}

fn server_config(config: &TlsConfig) -> Result<ServerConfig, TlsError> {
    let unusable = |reason: String| TlsError::Unusable {
        certificate: config.certificate.clone(),
        reason,
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(error.to_string()))?;
    let builder = if config.client_ca.is_empty() {
        builder.with_no_client_auth()
    } else {
        let mut roots = RootCertStore::empty();
        for path in &config.client_ca {
            for certificate in certificates(path)? {
                roots
                    .add(certificate)
                    .map_err(|error| wrong(path, error.to_string()))?;
            }
        }
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        let verifier = match config.clients {
            Clients::Required => verifier,
            Clients::Optional => verifier.allow_unauthenticated(),
        };
        let verifier = verifier
            .build()
            .map_err(|error| unusable(error.to_string()))?;
        builder.with_client_cert_verifier(verifier)
    };
    let key =
        PrivateKeyDer::from_pem_file(&config.key).map_err(|error| unread(&config.key, error))?;
    let mut server = builder
        .with_single_cert(certificates(&config.certificate)?, key)
        .map_err(|error| unusable(error.to_string()))?;
    server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(server)
}

/// Not to be read, or no PEM.
fn unread(path: &Path, error: pem::Error) -> TlsError {
    match error {
        pem::Error::Io(source) => TlsError::Read {
            path: path.to_owned(),
            source,
        },
        other => wrong(path, other.to_string()),
    }
}

fn wrong(path: &Path, reason: String) -> TlsError {
    TlsError::File {
        path: path.to_owned(),
        reason,
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unread(path, error))?;
    match found.is_empty() {
        true => Err(wrong(path, "it holds no certificate in PEM".to_owned())),
        false => Ok(found),
    }
}
