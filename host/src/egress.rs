//! Reaching out over HTTP: own TLS roots, no proxy, no redirects, and no address of this machine or its networks unless
//! that is allowed. An address is looked up once, and what was checked is what is connected to.

mod cache;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use url::Url;

use crate::address;

pub use self::cache::{Answers, Fetch};

/// How long a connection may take to be made.
const CONNECT_TIME: Duration = Duration::from_secs(5);
/// How long an idle connection is kept.
const IDLE_TIME: Duration = Duration::from_secs(30);

/// A request.
#[derive(Clone, Debug)]
pub struct Call {
    /// GET, HEAD, POST or PUT.
    pub method: Method,
    /// Checked and normalised.
    pub url: Url,
    /// As they are sent, without those of the connection.
    pub headers: HeaderMap,
    /// Empty for none.
    pub body: Vec<u8>,
    /// Whether this machine and private networks may be reached.
    pub allow_private: bool,
    /// For all of it.
    pub timeout: Duration,
    /// The largest body of an answer.
    pub max_body: u64,
    /// Whether a body that is too large, too slow or broken off is cut there, since the status is what counts.
    pub cut: bool,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Vec<u8>,
}

/// Why there is no answer. None of the texts names the URL, which may hold what is nobody's business.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum EgressError {
    /// The name leads inside.
    #[error(
        "{0} is an address of this machine or of a private network: a grant can allow it by allowPrivate"
    )]
    Private(String),
    /// Too slow.
    #[error("no answer within {}", humantime::format_duration(*.0))]
    Timeout(Duration),
    /// Too large.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(u64),
    /// No connection, or it broke.
    #[error("{0}")]
    Connection(String),
    /// The roots of trust cannot be used.
    #[error("TLS cannot be used: {0}")]
    Tls(String),
    /// There is no way out, and no answer was given beforehand.
    #[error("nothing is reached here, and no answer to it was given")]
    Sealed,
}

/// Headers that belong to the connection, and to nobody who only writes a message (RFC 9110, §7).
const OF_THE_CONNECTION: [&str; 10] = [
    "host",
    "content-length",
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
/// Headers in one request, and their size together.
const MAX_HEADERS: usize = 64;
const MAX_HEADER_BYTES: usize = 16 << 10;

/// Headers as a guest wrote them; refused are those of the connection, and those that are `reserved`.
pub fn header_map(pairs: &[(String, String)], reserved: &[&str]) -> Result<HeaderMap, String> {
    if pairs.len() > MAX_HEADERS {
        return Err(format!("a request has at most {MAX_HEADERS} headers"));
    }
    let size: usize = pairs
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    if size > MAX_HEADER_BYTES {
        return Err(format!(
            "headers have at most {MAX_HEADER_BYTES} bytes together"
        ));
    }
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let key = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| format!("{name:?} is no header name"))?;
        if OF_THE_CONNECTION
            .iter()
            .chain(reserved)
            .any(|taken| *taken == key.as_str())
        {
            return Err(format!("header {key} is the host's"));
        }
        let value = HeaderValue::from_str(value)
            .map_err(|_| format!("the value of header {key} has characters that no header has"))?;
        headers.append(key, value);
    }
    Ok(headers)
}

/// A certificate that is to be trusted is none.
#[derive(Debug, thiserror::Error)]
#[error("ca: {}: {reason}", path.display())]
pub struct CaError {
    path: PathBuf,
    reason: String,
}

/// The clients, made at the first call.
pub struct Egress {
    canned: Option<BTreeMap<String, Answer>>,
    extra: Vec<CertificateDer<'static>>,
    clients: OnceLock<Result<Clients, EgressError>>,
}

#[derive(Clone)]
struct Clients {
    public: reqwest::Client,
    any: reqwest::Client,
}

impl Egress {
    /// Trusts the system's certificates and those in these files (PEM).
    pub fn new(ca: &[PathBuf]) -> Result<Egress, CaError> {
        let mut extra = Vec::new();
        for path in ca {
            extra.extend(certificates(path)?);
        }
        Ok(Egress {
            canned: None,
            extra,
            clients: OnceLock::new(),
        })
    }

    /// Reaches nothing. What is answered is given beforehand, by method and URL: `GET https://example.com/a`.
    pub fn canned(answers: BTreeMap<String, Answer>) -> Egress {
        Egress {
            canned: Some(answers),
            extra: Vec::new(),
            clients: OnceLock::new(),
        }
    }

    /// Sends a request and reads the answer.
    pub async fn send(&self, call: Call) -> Result<Answer, EgressError> {
        let Call {
            method,
            url,
            headers,
            body,
            allow_private,
            timeout,
            max_body,
            cut,
        } = call;
        if let Some(literal) = address::literal(&url)
            && !allow_private
            && !address::is_public(literal)
        {
            return Err(EgressError::Private(literal.to_string()));
        }
        if let Some(canned) = &self.canned {
            let answer = canned.get(&format!("{method} {url}"));
            return answer.cloned().ok_or(EgressError::Sealed);
        }
        let clients = self
            .clients
            .get_or_init(|| self.connect())
            .as_ref()
            .map_err(Clone::clone)?;
        let client = if allow_private {
            &clients.any
        } else {
            &clients.public
        };
        let request = client.request(method, url).headers(headers).body(body);
        let end = tokio::time::Instant::now() + timeout;
        let late = |_| EgressError::Timeout(timeout);
        let sent = tokio::time::timeout_at(end, request.send()).await;
        let mut response = sent.map_err(late)?.map_err(|error| described(&error))?;
        let mut body = Vec::new();
        loop {
            let next = tokio::time::timeout_at(end, response.chunk()).await;
            let next = next
                .map_err(late)
                .and_then(|next| next.map_err(|error| described(&error)));
            let chunk = match next {
                Ok(Some(chunk)) if (body.len() + chunk.len()) as u64 <= max_body => chunk,
                Ok(None) => break,
                _ if cut => break,
                Ok(Some(_)) => return Err(EgressError::TooLarge(max_body)),
                Err(error) => return Err(error),
            };
            body.extend_from_slice(&chunk);
        }
        Ok(Answer {
            status: response.status().as_u16(),
            headers: std::mem::take(response.headers_mut()),
            body,
        })
    }

    fn connect(&self) -> Result<Clients, EgressError> {
        let tls = tls_config(&self.extra)?;
        let client = |resolver: Resolver| {
            reqwest::Client::builder()
                .tls_backend_preconfigured(tls.clone())
                .dns_resolver(Arc::new(resolver))
                .redirect(Policy::none())
                .no_proxy()
                .connect_timeout(CONNECT_TIME)
                .pool_idle_timeout(IDLE_TIME)
                .user_agent(concat!("touchstone/", env!("CARGO_PKG_VERSION")))
                .build()
                .map_err(|error| EgressError::Tls(error.to_string()))
        };
        Ok(Clients {
            public: client(Resolver {
                allow_private: false,
            })?,
            any: client(Resolver {
                allow_private: true,
            })?,
        })
    }
}

/// What a client of ours trusts and speaks.
fn tls_config(extra: &[CertificateDer<'static>]) -> Result<ClientConfig, EgressError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    for certificate in extra {
        roots
            .add(certificate.clone())
            .map_err(|error| EgressError::Tls(error.to_string()))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| EgressError::Tls(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, CaError> {
    let wrong = |reason: String| CaError {
        path: path.to_owned(),
        reason,
    };
    let found = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| wrong(error.to_string()))?;
    if found.is_empty() {
        return Err(wrong("it holds no certificate in PEM".to_owned()));
    }
    Ok(found)
}

/// Looks names up, and leaves out the addresses that may not be reached.
struct Resolver {
    allow_private: bool,
}

/// Found among the causes of an error, it tells that it was ours.
#[derive(Debug, thiserror::Error)]
#[error("{0} leads to a private address")]
struct PrivateName(String);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_private = self.allow_private;
        Box::pin(async move {
            let found: Vec<SocketAddr> =
                tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let nothing = found.is_empty();
            let mut allowed = found;
            allowed.retain(|address| allow_private || address::is_public(address.ip()));
            if allowed.is_empty() && !nothing {
                return Err(PrivateName(name.as_str().to_owned()).into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

/// The causes of an error, without the URL.
fn described(error: &reqwest::Error) -> EgressError {
    let mut causes: Vec<String> = Vec::new();
    let mut next: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(cause) = next {
        if let Some(PrivateName(name)) = cause.downcast_ref() {
            return EgressError::Private(name.clone());
        }
        causes.push(cause.to_string());
        next = cause.source();
    }
    let text = causes.join(": ");
    EgressError::Connection(if text.is_empty() {
        "the connection failed".to_owned()
    } else {
        text
    })
}
