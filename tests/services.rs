//! End-to-end tests with real services, which this program starts and stops. Where a service is missing, its tests are
//! reported as ignored; with `TOUCHSTONE_REQUIRE_SERVICES=1` they fail instead.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

#[path = "support.rs"]
#[allow(dead_code, reason = "shared by test programs that use different parts")]
mod support;

#[path = "services/amqp.rs"]
mod amqp;
#[path = "services/broker.rs"]
mod broker;
#[path = "services/client.rs"]
mod client;
#[path = "services/endurance.rs"]
mod endurance;
#[path = "services/mail_server.rs"]
mod mail_server;
#[path = "services/notify.rs"]
mod notify;
#[path = "services/oscap.rs"]
mod oscap;
#[path = "services/queue.rs"]
mod queue;
#[path = "services/service.rs"]
mod service;
#[path = "services/serving.rs"]
mod serving;

use std::process::ExitCode;

use libtest_mimic::Arguments;
use tokio::signal::unix::{SignalKind, signal};

use broker::Broker;
use mail_server::MailServer;
use oscap::OpenScap;
use service::Service;

static RABBITMQ: Service<Broker> = Service::new(
    "rabbitmq-server with python3-pika",
    Broker::is_installed,
    Broker::start,
    Broker::stop,
);
static SMTP: Service<MailServer> = Service::new(
    "python3-aiosmtpd",
    MailServer::is_installed,
    MailServer::start,
    MailServer::stop,
);
static OPENSCAP: Service<OpenScap> = Service::new(
    "openscap-scanner with ssg-debian",
    OpenScap::is_installed,
    OpenScap::start,
    OpenScap::stop,
);

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let mut trials = RABBITMQ.trials(&[amqp::TESTS, endurance::TESTS, queue::TESTS]);
    trials.extend(SMTP.trials(&[notify::TESTS]));
    trials.extend(OPENSCAP.trials(&[oscap::TESTS]));
    std::thread::spawn(stop_when_told);
    let conclusion = libtest_mimic::run(&arguments, trials);
    stop();
    conclusion.exit_code()
}

fn stop() {
    RABBITMQ.stop();
    SMTP.stop();
    OPENSCAP.stop();
}

/// Leaves nothing behind when somebody loses patience.
fn stop_when_told() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate()).unwrap();
        let mut interrupt = signal(SignalKind::interrupt()).unwrap();
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    });
    stop();
    serving::kill_all();
    std::process::exit(1);
}
