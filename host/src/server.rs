//! Listens, and ends in order: what runs is finished, nothing new is taken.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use futures_util::future::join_all;
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;

use crate::tls::Tls;

/// How long a client may take to send its headers.
const HEADER_TIME: Duration = Duration::from_secs(10);
/// How long a connection may be silent, whatever it is in the middle of.
const IDLE_TIME: Duration = Duration::from_secs(75);
/// Connections at a time; those beyond wait in the system's queue.
const MAX_CONNECTIONS: usize = 4096;
/// How long to rest when the system has no descriptor left for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long a TLS handshake may take.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// Bytes of headers that are read at most.
const MAX_HEADERS: usize = 64 << 10;

/// Who is at the other end of a connection; an extension of every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Whether it is on this machine.
    pub is_loopback: bool,
    /// Whether it showed a certificate that is known.
    pub has_certificate: bool,
}

/// A place where connections come in.
pub struct Listener {
    /// Bound already.
    pub listener: TcpListener,
    /// What TLS there shows; plain, if not given.
    pub tls: Option<Arc<Tls>>,
}

/// Serves HTTP/1.1 and HTTP/2 on all listeners until `stop` is done, then waits up to `grace` for running requests. Answers
/// whether all of them finished.
pub async fn serve(
    listeners: Vec<Listener>,
    router: Router,
    stop: impl Future<Output = ()>,
    grace: Duration,
) -> bool {
    let graceful = GracefulShutdown::new();
    let server = Server {
        builder: builder(),
        router,
        places: Arc::new(Semaphore::new(MAX_CONNECTIONS)),
        watcher: &graceful,
    };
    let accepting = listeners.iter().map(|listener| server.accept_all(listener));
    tokio::select! {
        _ = join_all(accepting) => {}
        () = stop => {}
    }
    drop(server);
    drop(listeners);
    tokio::time::timeout(grace, graceful.shutdown())
        .await
        .is_ok()
}

fn builder() -> Arc<Builder<TokioExecutor>> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .max_buf_size(MAX_HEADERS);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(MAX_HEADERS as u32);
    Arc::new(builder)
}

struct Server<'a> {
    builder: Arc<Builder<TokioExecutor>>,
    router: Router,
    places: Arc<Semaphore>,
    watcher: &'a GracefulShutdown,
}

impl Server<'_> {
    /// Takes up connections for ever.
    async fn accept_all(&self, listener: &Listener) {
        loop {
            let place = Arc::clone(&self.places).acquire_owned().await;
            let (stream, address) = match listener.listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            // Answers are small and wait for nothing.
            let _ = stream.set_nodelay(true);
            let connection = Connection {
                builder: Arc::clone(&self.builder),
                router: self.router.clone(),
                watcher: self.watcher.watcher(),
                is_loopback: address.ip().to_canonical().is_loopback(),
            };
            let tls = listener.tls.as_ref().map(|tls| tls.acceptor());
            tokio::spawn(async move {
                let _place = place;
                match tls {
                    None => connection.serve(stream, false).await,
                    Some(tls) => connection.serve_tls(stream, tls).await,
                }
            });
        }
    }
}

struct Connection {
    builder: Arc<Builder<TokioExecutor>>,
    router: Router,
    watcher: Watcher,
    is_loopback: bool,
}

impl Connection {
    async fn serve_tls(self, stream: TcpStream, tls: TlsAcceptor) {
        match tokio::time::timeout(HANDSHAKE_TIME, tls.accept(stream)).await {
            Ok(Ok(stream)) => {
                let shown = stream.get_ref().1.peer_certificates();
                let has_certificate = shown.is_some_and(|chain| !chain.is_empty());
                self.serve(stream, has_certificate).await;
            }
            Ok(Err(error)) => tracing::debug!(%error, "no TLS connection"),
            Err(_) => tracing::debug!("no TLS connection in time"),
        }
    }

    async fn serve(self, stream: impl AsyncRead + AsyncWrite + 'static, has_certificate: bool) {
        let caller = Caller {
            is_loopback: self.is_loopback,
            has_certificate,
        };
        let router = TowerToHyperService::new(self.router);
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(caller);
            router.call(request)
        });
        let mut stream = TimeoutStream::new(stream);
        stream.set_read_timeout(Some(IDLE_TIME));
        stream.set_write_timeout(Some(IDLE_TIME));
        let connection = self
            .builder
            .serve_connection(TokioIo::new(Box::pin(stream)), service);
        if let Err(error) = self.watcher.watch(connection.into_owned()).await {
            tracing::debug!(%error, "connection ended");
        }
    }
}
