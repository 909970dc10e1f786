//! The command line. Each command is a file in `cli/`.

mod actions;
mod build;
mod check;
mod client;
mod decisions;
mod evidence;
mod inspect;
mod rules;
mod serve;
mod test;
mod waivers;

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use bytesize::ByteSize;
use clap::builder::FalseyValueParser;
use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::config::{Overrides, parse_size};
use crate::memory;
use crate::service::Origin;

/// Usage or configuration is wrong.
pub const EXIT_CONFIG: u8 = 3;
/// Nobody reads the answer to its end; no success, since it may have been a denial. What a shell makes of SIGPIPE.
const EXIT_CLOSED: u8 = 141;

/// Policies compiled to WebAssembly judge events, and act only through what they were granted.
#[derive(Parser)]
#[command(
    name = "touchstone",
    version,
    propagate_version = true,
    arg_required_else_help = true
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    /// What to log: error, warn, info, debug, or a filter as in `touchstone=debug`; info for serve, else warn
    #[arg(long, global = true, env = "TOUCHSTONE_LOG", value_name = "FILTER")]
    log: Option<String>,
    /// How to log
    #[arg(
        long,
        global = true,
        env = "TOUCHSTONE_LOG_FORMAT",
        default_value = "text",
        value_name = "FORMAT"
    )]
    log_format: LogFormat,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

#[derive(Subcommand)]
enum Command {
    /// Answer over HTTP, and take up changes while running
    Serve(serve::Serve),
    /// Judge documents, for people and pipelines
    Check(check::Check),
    /// Show the decisions that a host has made
    Decisions(decisions::Decisions),
    /// Show what a host does to the world, and how it goes
    Actions(actions::Actions),
    /// Show, add and forget what a host knows of images
    Evidence(evidence::Evidence),
    /// Show, add and check exceptions from what policies find
    Waivers(waivers::Waivers),
    /// Judge policies by their golden cases and own tests
    Test(test::Test),
    /// Look at rule files, as CIPolicE has them
    Rules(rules::Rules),
    /// Build policy crates into modules
    Build(build::Build),
    /// Show what a module is and what it asks for
    Inspect(inspect::Inspect),
    /// Write completions for a shell
    #[command(
        after_help = "Example:\n  touchstone completions bash > /etc/bash_completion.d/touchstone"
    )]
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

/// What `serve` and `check` have in common.
#[derive(Args)]
struct Common {
    /// touchstone.yaml; the one in this folder, when there is one and nothing is given
    #[arg(long, short, env = "TOUCHSTONE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder of JSON and YAML documents for policies; may be repeated
    #[arg(
        long,
        env = "TOUCHSTONE_DATA",
        value_delimiter = ':',
        value_name = "PATH"
    )]
    data: Vec<PathBuf>,
    /// Folder of waivers; may be repeated
    #[arg(
        long,
        env = "TOUCHSTONE_WAIVERS",
        value_delimiter = ':',
        value_name = "PATH"
    )]
    waivers: Vec<PathBuf>,
    /// Folder for compiled policies; in the user's cache folder, if not given
    #[arg(long, env = "TOUCHSTONE_CACHE", value_name = "PATH")]
    cache: Option<PathBuf>,
    /// Keep no compiled policies
    #[arg(long, env = "TOUCHSTONE_NO_CACHE", value_parser = FalseyValueParser::new())]
    no_cache: bool,
}

impl Common {
    fn origin(
        self,
        policies: Vec<PathBuf>,
        listen: Option<SocketAddr>,
        body_limit: Option<ByteSize>,
    ) -> Origin {
        let usual = PathBuf::from("touchstone.yaml");
        let file = self.config.or_else(|| usual.exists().then_some(usual));
        let Common {
            data,
            waivers,
            cache,
            no_cache,
            ..
        } = Common {
            config: None,
            ..self
        };
        Origin {
            file,
            overrides: Overrides {
                listen,
                policies,
                data,
                waivers,
                body_limit,
                cache,
                no_cache,
                ..Overrides::default()
            },
        }
    }
}

/// Parses the arguments, runs the command, and says how it went.
pub fn run() -> ExitCode {
    memory::share_arenas();
    // clap's own code for wrong usage is 2, which here means warnings.
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() {
                ExitCode::from(EXIT_CONFIG)
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    let usual = if matches!(cli.command, Command::Serve(_)) {
        "info"
    } else {
        "warn"
    };
    start_log(cli.log.as_deref().unwrap_or(usual), cli.log_format);
    let done = match cli.command {
        Command::Serve(serve) => serve.run(),
        Command::Check(check) => check.run(),
        Command::Decisions(decisions) => decisions.run(),
        Command::Actions(actions) => actions.run(),
        Command::Evidence(evidence) => evidence.run(),
        Command::Waivers(waivers) => waivers.run(),
        Command::Test(test) => test.run(),
        Command::Rules(rules) => rules.run(),
        Command::Build(build) => build.run(),
        Command::Inspect(inspect) => inspect.run(),
        Command::Completions { shell } => {
            clap_complete::generate(
                shell,
                &mut Cli::command(),
                "touchstone",
                &mut std::io::stdout(),
            );
            Ok(ExitCode::SUCCESS)
        }
    };
    done.unwrap_or_else(|error| {
        if error.chain().any(is_closed) {
            return ExitCode::from(EXIT_CLOSED);
        }
        let text = chain(&error).replace(|c: char| c.is_control() && c != '\n', "\u{fffd}");
        anstream::eprintln!("{RED}error{RED:#}: {text}");
        ExitCode::from(EXIT_CONFIG)
    })
}

const RED: anstyle::Style = anstyle::AnsiColor::Red.on_default().bold();

/// Whether whoever read has had enough, as `head` has.
fn is_closed(error: &(dyn std::error::Error + 'static)) -> bool {
    let plain = error.downcast_ref::<std::io::Error>();
    let json = error.downcast_ref::<serde_json::Error>();
    let kind = plain
        .map(std::io::Error::kind)
        .or(json.and_then(serde_json::Error::io_error_kind));
    kind == Some(std::io::ErrorKind::BrokenPipe)
}

/// An error with its causes, leaving out those that it tells in its own words already.
fn chain(error: &anyhow::Error) -> String {
    error
        .chain()
        .map(ToString::to_string)
        .fold(String::new(), |text, cause| match text.as_str() {
            "" => cause,
            told if told.contains(&cause) => text,
            _ => format!("{text}: {cause}"),
        })
}

fn start_log(filter: &str, format: LogFormat) {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    match format {
        LogFormat::Text => log.with_target(false).init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
}

fn size(text: &str) -> Result<ByteSize, String> {
    parse_size(text)
}
