//! `touchstone serve`

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use bytesize::ByteSize;
use clap::Args;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::build::{Announce, build_all};
use super::{Common, size};
use crate::config::{PoolOverrides, State, parse_duration, parse_state};
use crate::generation::find_policies;
use crate::memory;
use crate::server::{self, Listener};
use crate::service::{Service, Stay};
use crate::source::amqp;
use crate::source::http::router;
use crate::tls::Tls;
use crate::watch::watch;

/// How often it is looked how much is asked for.
const REST: Duration = Duration::from_secs(5);
/// Decisions in that time that are little; and how many are much.
const LITTLE: u64 = 50;
const MUCH: u64 = 1000;

#[derive(Args)]
#[command(after_help = "Examples:
  touchstone serve --build policies-examples
  touchstone serve --config /etc/touchstone/touchstone.yaml
  curl -d @review.json http://127.0.0.1:8181/v1/decide

Every key of touchstone.yaml can be given as a flag or a TOUCHSTONE_* variable; flags win.")]
pub(super) struct Serve {
    /// Folders that hold policies, or are one
    #[arg(
        env = "TOUCHSTONE_POLICIES",
        value_delimiter = ':',
        value_name = "PATH"
    )]
    policies: Vec<PathBuf>,
    /// First build the policies that have a Cargo.toml
    #[arg(long)]
    build: bool,
    /// Where to listen
    #[arg(long, env = "TOUCHSTONE_LISTEN", value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// The largest request body
    #[arg(long, env = "TOUCHSTONE_BODY_LIMIT", value_parser = size, value_name = "SIZE")]
    body_limit: Option<ByteSize>,
    /// Decisions under way at a time
    #[arg(long, env = "TOUCHSTONE_POOL_INSTANCES", value_name = "NUMBER")]
    pool_instances: Option<NonZeroU32>,
    /// Decisions that may wait for an instance
    #[arg(long, env = "TOUCHSTONE_POOL_QUEUE", value_name = "NUMBER")]
    pool_queue: Option<u32>,
    /// How long they wait
    #[arg(long, env = "TOUCHSTONE_POOL_WAIT", value_parser = parse_duration, value_name = "TIME")]
    pool_wait: Option<Duration>,
    /// How long running requests may take after SIGTERM
    #[arg(long, env = "TOUCHSTONE_SHUTDOWN", value_parser = parse_duration, value_name = "TIME")]
    shutdown: Option<Duration>,
    /// Where decisions and actions are kept: sqlite:FILE or memory
    #[arg(long, env = "TOUCHSTONE_STATE", value_parser = parse_state, value_name = "STATE")]
    state: Option<State>,
    /// Do not take up changes of files
    #[arg(long)]
    no_watch: bool,
    /// Start although anybody may write to folders of policies
    #[arg(long, env = "TOUCHSTONE_ALLOW_WRITABLE")]
    allow_writable: bool,
    #[command(flatten)]
    common: Common,
}

impl Serve {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let mut origin = self
            .common
            .origin(self.policies, self.listen, self.body_limit);
        origin.overrides.pool = PoolOverrides {
            instances: self.pool_instances,
            queue: self.pool_queue,
            wait: self.pool_wait,
        };
        origin.overrides.shutdown = self.shutdown;
        origin.overrides.allow_writable = self.allow_writable;
        origin.overrides.state = self.state;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?;
        let service = Arc::new(runtime.block_on(Service::new(origin, Stay::Serve))?);
        let config = service.config();
        let (folders, _) = find_policies(&config.policies);
        for folder in config.policies.iter().chain(&folders) {
            config.check_writers_of(folder)?;
        }
        if self.build {
            build_all(&service.config().policies, Announce::Progress)?;
        }
        let code = runtime.block_on(serve(service, !self.no_watch));
        // A policy that is being compiled is nobody's concern any more.
        runtime.shutdown_background();
        code
    }
}

/// Gives memory back when little is asked for after much was: what a crowd needed, the allocator would keep.
async fn rest(service: Arc<Service>) {
    let (mut before, mut given_back) = (0, 0);
    loop {
        tokio::time::sleep(REST).await;
        let now = service.metrics.decided();
        if now - before < LITTLE && now - given_back >= MUCH {
            given_back = now;
            // It looks through all that is free, and nobody else can take any meanwhile.
            let _ = tokio::task::spawn_blocking(memory::give_back).await;
        }
        before = now;
    }
}

async fn listen(address: SocketAddr, tls: Option<Arc<Tls>>) -> anyhow::Result<Listener> {
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}"))?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    tracing::info!("listening on {scheme}://{}", listener.local_addr()?);
    Ok(Listener { listener, tls })
}

async fn serve(service: Arc<Service>, watching: bool) -> anyhow::Result<ExitCode> {
    let config = service.started_with().clone();
    let mut listeners = vec![listen(config.listen, None).await?];
    if let (Some(tls), Some(config)) = (&service.tls, &config.tls) {
        listeners.push(listen(config.listen, Some(Arc::clone(tls))).await?);
    }
    let builder = Arc::clone(&service);
    tokio::spawn(async move {
        builder.reload().await;
        if watching && let Err(error) = watch(builder).await {
            tracing::error!(%error, "changes of files are not taken up");
        }
    });
    let (mut terminate, mut interrupt) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping: finishing what runs");
    };
    let pruned = Arc::clone(&service);
    tokio::spawn(async move { pruned.outbox.prune(|| pruned.config().retention).await });
    tokio::spawn(rest(Arc::clone(&service)));
    let sources = amqp::start(&service);
    let router = router(Arc::clone(&service));
    let finished = server::serve(listeners, router, stop, config.shutdown).await;
    if !finished {
        tracing::warn!("some requests did not finish in time");
    }
    sources.stop(config.shutdown).await;
    service.outbox.stop(config.shutdown).await;
    Ok(ExitCode::SUCCESS)
}
