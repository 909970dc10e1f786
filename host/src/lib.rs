//! Touchstone: policies compiled to WebAssembly components judge events, and act on the world only through host calls
//! that they were granted.
//!
//! This is the map. Modules stand in layer order: a file uses only what stands above it.

pub mod capability;
pub mod cli;
pub mod config;
pub mod data;
pub mod decide;
pub mod document;
pub mod generation;
pub mod grants;
pub mod guest;
pub mod image;
pub mod metrics;
pub mod model;
pub mod policy;
pub mod report;
pub mod sandbox;
pub mod server;
pub mod service;
pub mod source;
pub mod watch;
