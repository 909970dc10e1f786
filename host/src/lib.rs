//! Touchstone: policies compiled to WebAssembly components judge events, and act on the world only through host calls
//! that they were granted.
//!
//! This is the map. Modules stand in layer order: a file uses only what stands above it. (Blank lines keep rustfmt from
//! sorting them.)

pub mod memory;

pub mod document;

pub mod image;

pub mod address;

pub mod evidence;

pub mod model;

pub mod grants;

pub mod secret;

pub mod data;

pub mod config;

pub mod egress;

pub mod store;

pub mod knowledge;

pub mod waiver;

pub mod outside;

pub mod guest;

pub mod action;

pub mod capability;

pub mod sandbox;

pub mod policy;

pub mod generation;

pub mod metrics;

pub mod outbox;

pub mod decide;

pub mod tls;

pub mod service;

pub mod watch;

pub mod report;

pub mod server;

pub mod source;

pub mod case;

pub mod cli;
