//! Listens, and ends in order: what runs is finished, nothing new is taken.

mod unread;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

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
/// How long a connection may ask for nothing, whatever else it sends.
const ASK_TIME: Duration = Duration::from_secs(300);
/// Connections at a time on each listener; those beyond wait in the system's queue.
const MAX_CONNECTIONS: usize = 4096;
/// Of these from one address, unless it is this machine; those beyond are closed.
const MAX_OF_ONE: usize = 512;
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
    watcher: &'a GracefulShutdown,
}

impl Server<'_> {
    /// Takes up connections for ever.
    async fn accept_all(&self, listener: &Listener) {
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let peers = Peers::default();
        loop {
            let place = Arc::clone(&places).acquire_owned().await;
            let (stream, address) = match listener.listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let Some(peer) = peers.enter(address.ip().to_canonical()) else {
                tracing::debug!(%address, "too many connections from one address");
                continue;
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
                let (_place, _peer) = (place, peer);
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
        let activity = Arc::new(Activity::default());
        let seen = Arc::clone(&activity);
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(caller);
            let busy = Busy::of(&seen);
            let (request, left) = unread::lend(request);
            let answer = router.call(request);
            async move {
                let _busy = busy;
                let answer = answer.await;
                if let Ok(answer) = &answer {
                    left.discard(answer.status()).await;
                }
                answer
            }
        });
        let mut stream = TimeoutStream::new(stream);
        stream.set_read_timeout(Some(IDLE_TIME));
        stream.set_write_timeout(Some(IDLE_TIME));
        let connection = self
            .builder
            .serve_connection(TokioIo::new(Box::pin(stream)), service);
        let watched = self.watcher.watch(connection.into_owned());
        tokio::select! {
            ended = watched => if let Err(error) = ended {
                tracing::debug!(%error, "connection ended");
            },
            () = activity.idle() => tracing::debug!("a connection asked for nothing"),
        }
    }
}

/// When a connection last asked for something. Pings of HTTP/2 are no requests.
struct Activity(Mutex<(usize, Instant)>);

impl Default for Activity {
    fn default() -> Activity {
        Activity(Mutex::new((0, Instant::now())))
    }
}

impl Activity {
    fn lock(&self) -> MutexGuard<'_, (usize, Instant)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Done when nothing was asked for too long.
    async fn idle(&self) {
        loop {
            let (running, last) = *self.lock();
            let end = last + ASK_TIME;
            if running == 0 && end <= Instant::now() {
                return;
            }
            tokio::time::sleep_until(end.max(Instant::now() + HEADER_TIME).into()).await;
        }
    }
}

/// A request under way.
struct Busy(Arc<Activity>);

impl Busy {
    fn of(activity: &Arc<Activity>) -> Busy {
        activity.lock().0 += 1;
        Busy(Arc::clone(activity))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        *state = (state.0 - 1, Instant::now());
    }
}

/// Connections by where they come from.
#[derive(Clone, Default)]
struct Peers(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// One of them.
struct Peer {
    peers: Peers,
    address: IpAddr,
}

impl Peers {
    /// Nothing, when there are too many from there already.
    fn enter(&self, address: IpAddr) -> Option<Peer> {
        let mut counts = self.lock();
        let count = counts.entry(address).or_default();
        if *count >= MAX_OF_ONE && !address.is_loopback() {
            return None;
        }
        *count += 1;
        Some(Peer {
            peers: self.clone(),
            address,
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let mut counts = self.peers.lock();
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_has_so_many_connections_and_no_more() {
        let peers = Peers::default();
        let (one, other) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let all: Vec<Peer> = (0..MAX_OF_ONE).map(|_| peers.enter(one).unwrap()).collect();
        assert!(peers.enter(one).is_none());
        assert!(peers.enter(other).is_some());
        drop(all);
        assert!(peers.lock().is_empty());
        assert!(peers.enter(one).is_some());
    }

    #[test]
    fn a_request_under_way_is_counted() {
        let activity = Arc::new(Activity::default());
        let busy = Busy::of(&activity);
        assert_eq!(activity.lock().0, 1);
        drop(busy);
        assert_eq!(activity.lock().0, 0);
    }
}
