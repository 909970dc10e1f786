//! End-to-end tests: real guests in the real sandbox, the real program on real input.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

#[path = "certificates.rs"]
mod certificates;
#[path = "receiver.rs"]
#[allow(dead_code, reason = "shared by test programs that use different parts")]
mod receiver;
#[path = "support.rs"]
#[allow(dead_code, reason = "shared by test programs that use different parts")]
mod support;

#[path = "e2e/access.rs"]
mod access;
#[path = "e2e/actions.rs"]
mod actions;
#[path = "e2e/command_line.rs"]
mod command_line;
#[path = "e2e/contract.rs"]
mod contract;
#[path = "e2e/evidence.rs"]
mod evidence;
#[path = "e2e/examples.rs"]
mod examples;
#[path = "e2e/http.rs"]
mod http;
#[path = "e2e/kubernetes.rs"]
mod kubernetes;
#[path = "e2e/languages.rs"]
mod languages;
#[path = "e2e/layers.rs"]
mod layers;
#[path = "e2e/loading.rs"]
mod loading;
#[path = "e2e/output.rs"]
mod output;
#[path = "e2e/readme.rs"]
mod readme;
#[path = "e2e/reads.rs"]
mod reads;
#[path = "e2e/real_reports.rs"]
mod real_reports;
#[path = "e2e/reload.rs"]
mod reload;
#[path = "e2e/sandbox.rs"]
mod sandbox;
#[path = "e2e/state.rs"]
mod state;
#[path = "e2e/verdicts.rs"]
mod verdicts;
#[path = "e2e/waivers.rs"]
mod waivers;
