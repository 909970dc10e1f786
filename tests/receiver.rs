//! A small web server that webhooks and `http` reach in the tests. It keeps a book, answers as it is told, and can be as
//! unreliable as the real ones.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures_util::StreamExt;
use http_body_util::BodyExt;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// A request that came in.
#[derive(Clone, Debug)]
pub struct Received {
    pub method: String,
    pub path: String,
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
}

impl Received {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn key(&self) -> &str {
        &self.headers["idempotency-key"]
    }
}

/// What it answers.
#[derive(Clone, Debug)]
pub enum Answer {
    Status(u16, &'static str),
    With(u16, Vec<(&'static str, String)>, String),
    /// The connection ends without a word.
    Drop,
    /// The connection ends in the middle of the answer.
    CutOff,
    /// So many milliseconds later.
    Late(u64, Box<Answer>),
}

type Behaviour = Arc<dyn Fn(&Received, usize) -> Answer + Send + Sync>;

pub struct Receiver {
    pub address: SocketAddr,
    pub url: String,
    book: Arc<Mutex<Vec<Received>>>,
    _runtime: Runtime,
}

impl Receiver {
    /// Behaves as told for each request, by its number from 0.
    pub fn start(
        behaviour: impl Fn(&Received, usize) -> Answer + Send + Sync + 'static,
    ) -> Receiver {
        Receiver::serve(Arc::new(behaviour), None)
    }

    /// Says yes to everything.
    pub fn fine() -> Receiver {
        Receiver::start(|_, _| Answer::Status(200, "fine"))
    }

    /// The same over TLS.
    pub fn tls(
        config: rustls::ServerConfig,
        behaviour: impl Fn(&Received, usize) -> Answer + Send + Sync + 'static,
    ) -> Receiver {
        Receiver::serve(
            Arc::new(behaviour),
            Some(tokio_rustls::TlsAcceptor::from(Arc::new(config))),
        )
    }

    fn serve(behaviour: Behaviour, tls: Option<tokio_rustls::TlsAcceptor>) -> Receiver {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let book: Arc<Mutex<Vec<Received>>> = Arc::default();
        let kept = Arc::clone(&book);
        let scheme = if tls.is_some() {
            "https://localhost"
        } else {
            "http://127.0.0.1"
        };
        runtime.spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (book, behaviour, tls) =
                    (Arc::clone(&kept), Arc::clone(&behaviour), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => talk(stream, book, behaviour).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                talk(stream, book, behaviour).await;
                            }
                        }
                    }
                });
            }
        });
        Receiver {
            address,
            url: format!("{scheme}:{}", address.port()),
            book,
            _runtime: runtime,
        }
    }

    /// Everything that came in so far, in order.
    pub fn book(&self) -> Vec<Received> {
        self.book.lock().unwrap().clone()
    }

    pub fn count(&self) -> usize {
        self.book.lock().unwrap().len()
    }
}

async fn talk(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    book: Arc<Mutex<Vec<Received>>>,
    behaviour: Behaviour,
) {
    let service = service_fn(move |request: Request<hyper::body::Incoming>| {
        let (book, behaviour) = (Arc::clone(&book), Arc::clone(&behaviour));
        async move {
            let (parts, body) = request.into_parts();
            let header = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
                (
                    name.to_string(),
                    String::from_utf8_lossy(value.as_bytes()).into_owned(),
                )
            };
            let received = Received {
                method: parts.method.to_string(),
                path: parts
                    .uri
                    .path_and_query()
                    .map(ToString::to_string)
                    .unwrap_or_default(),
                headers: parts.headers.iter().map(header).collect(),
                body: body
                    .collect()
                    .await
                    .map_err(std::io::Error::other)?
                    .to_bytes()
                    .to_vec(),
            };
            let number = {
                let mut book = book.lock().unwrap();
                book.push(received.clone());
                book.len() - 1
            };
            respond(behaviour(&received, number)).await
        }
    });
    let _ = Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn respond(answer: Answer) -> Result<Response<Body>, std::io::Error> {
    Ok(match answer {
        Answer::Status(status, text) => Response::builder()
            .status(status)
            .body(Body::from(text))
            .unwrap(),
        Answer::With(status, headers, text) => {
            let builder = headers.into_iter().fold(
                Response::builder().status(status),
                |builder, (name, value)| builder.header(name, value),
            );
            builder.body(Body::from(text)).unwrap()
        }
        Answer::Drop => return Err(std::io::Error::other("dropped")),
        Answer::CutOff => {
            let half = async { Ok::<_, std::io::Error>(Bytes::from_static(b"half")) };
            // Later, or the first half would not be sent either.
            let end = async {
                tokio::time::sleep(Duration::from_millis(20)).await;
                Err(std::io::Error::other("cut off"))
            };
            let parts = futures_util::stream::once(half).chain(futures_util::stream::once(end));
            Response::builder()
                .header("content-length", "100")
                .body(Body::from_stream(parts))
                .unwrap()
        }
        Answer::Late(millis, then) => {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            return Box::pin(respond(*then)).await;
        }
    })
}
