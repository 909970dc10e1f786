//! `touchstone test`

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use clap::{Args, ValueEnum};
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};
use serde_json::json;

use crate::case::{Coverage, Ran, Results, Runner};
use crate::config::default_cache;
use crate::watch;

#[derive(Args)]
#[command(after_help = "Examples:
  touchstone test                                all policies in or below this folder
  touchstone test policies/quarantine --watch
  touchstone test --filter quarantine/bad -o junit > results.xml
  touchstone test --update                       then look at what the difference is: git diff

A case is a YAML file in the folder `cases` beside policy.yaml: event or file, and optionally kind, image, query, settings,
data, evidence, clock, waivers, http, store; and what to expect: verdict, findings, actions, fault, value, log. Nothing
outside is reached. Rego's test_ rules run, too.

Exit codes: 0 all passed, 1 some failed, 3 wrong usage or input.")]
pub(super) struct Test {
    /// Folders that hold policies, or are one
    #[arg(default_value = ".", value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Only those whose POLICY/NAME contains this
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Write into each case what came of it
    #[arg(long)]
    update: bool,
    /// Run them again whenever a file changes
    #[arg(long)]
    watch: bool,
    /// Say which lines of Rego no test ran through
    #[arg(long)]
    coverage: bool,
    /// How to show what came of them
    #[arg(long, short, default_value = "text", value_name = "FORMAT")]
    output: Output,
    /// Folder for compiled policies; in the user's cache folder, if not given
    #[arg(long, env = "TOUCHSTONE_CACHE", value_name = "PATH")]
    cache: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    Text,
    Json,
    Junit,
}

impl Test {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?;
        let done = runtime.block_on(self.obey());
        // What still runs in the background is of no use to anybody.
        runtime.shutdown_timeout(Duration::ZERO);
        done
    }

    async fn obey(self) -> anyhow::Result<ExitCode> {
        let runner = Runner {
            cache: self.cache.clone().or_else(default_cache),
            filter: self.filter.clone(),
            update: self.update,
        };
        if self.update && self.watch {
            bail!("--update would see its own changes: without --watch");
        }
        let mut changes = match self.watch {
            true => Some(watch::changes(&self.paths)?),
            false => None,
        };
        loop {
            let results = runner.run(&self.paths).await?;
            self.show(&results)?;
            let Some(changes) = &mut changes else {
                return Ok(verdict(&results));
            };
            if changes.recv().await.is_none() {
                return Ok(verdict(&results));
            }
        }
    }

    fn show(&self, results: &Results) -> anyhow::Result<()> {
        let mut out = anstream::stdout().lock();
        match self.output {
            Output::Text => write_text(&mut out, results, self.coverage)?,
            Output::Json => write_json(&mut out, results)?,
            Output::Junit => write_junit(&mut out, results)?,
        }
        out.flush()?;
        Ok(())
    }
}

/// Finding nothing to run is no success: a filter may be misspelt.
fn verdict(results: &Results) -> ExitCode {
    let failed = results.ran.iter().any(Ran::failed);
    if failed || results.ran.is_empty() {
        ExitCode::from(1)
    } else {
        ExitCode::SUCCESS
    }
}

fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

fn write_text(out: &mut dyn Write, results: &Results, coverage: bool) -> anyhow::Result<()> {
    const RED: anstyle::Style = anstyle::AnsiColor::Red.on_default().bold();
    for ran in results.ran.iter().filter(|ran| ran.failed()) {
        writeln!(
            out,
            "{RED}failed{RED:#} {}/{}  {}",
            ran.policy,
            ran.name,
            ran.file.display()
        )?;
        for reason in &ran.wrong {
            let reason = reason.replace(|c: char| c.is_control() && c != '\n', "\u{fffd}");
            writeln!(out, "       {reason}")?;
        }
    }
    for file in &results.updated {
        writeln!(out, "updated {}", file.display())?;
    }
    let mut policies: Vec<&str> = results.ran.iter().map(|ran| ran.policy.as_str()).collect();
    policies.dedup();
    let width = policies
        .iter()
        .map(|name| name.len())
        .max()
        .unwrap_or_default()
        .max(6);
    writeln!(
        out,
        "{:width$}  passed  failed  skipped        time  slowest",
        "policy"
    )?;
    for policy in policies {
        let of = || results.ran.iter().filter(|ran| ran.policy == policy);
        let failed = of().filter(|ran| ran.failed()).count();
        let skipped = of().filter(|ran| ran.skipped).count();
        let passed = of().count() - failed - skipped;
        let time: Duration = of().map(|ran| ran.time).sum();
        let slowest = of().max_by_key(|ran| ran.time);
        let slowest = slowest.map(|ran| format!("{} ({})", ran.name, millis(ran.time)));
        writeln!(
            out,
            "{policy:width$}  {passed:6}  {failed:6}  {skipped:7}  {:>10}  {}",
            millis(time),
            slowest.unwrap_or_default()
        )?;
    }
    if results.ran.is_empty() {
        writeln!(
            out,
            "nothing to run: no cases in these folders, or none that --filter lets through"
        )?;
    }
    if coverage {
        for (policy, files) in &results.coverage {
            write_coverage(out, policy, files)?;
        }
    }
    Ok(())
}

fn write_coverage(out: &mut dyn Write, policy: &str, files: &Coverage) -> anyhow::Result<()> {
    for (file, lines) in files {
        let (covered, rest) = (lines.covered.len(), lines.not_covered.len());
        let percent = 100.0 * covered as f64 / (covered + rest).max(1) as f64;
        let rest: Vec<String> = lines.not_covered.iter().map(u32::to_string).collect();
        let rest = match rest.is_empty() {
            true => String::new(),
            false => format!("; not line {}", rest.join(", ")),
        };
        writeln!(
            out,
            "{policy}/{file}: {percent:.1} % of {} lines{rest}",
            covered + lines.not_covered.len()
        )?;
    }
    Ok(())
}

fn write_json(out: &mut dyn Write, results: &Results) -> anyhow::Result<()> {
    let tests = results.ran.iter().map(|ran| {
        json!({
            "policy": ran.policy,
            "name": ran.name,
            "file": ran.file,
            "outcome": outcome(ran),
            "wrong": ran.wrong,
            "seconds": ran.time.as_secs_f64(),
        })
    });
    let tests: Vec<_> = tests.collect();
    let all = json!({"tests": tests, "coverage": results.coverage, "updated": results.updated});
    serde_json::to_writer_pretty(&mut *out, &all)?;
    writeln!(out)?;
    Ok(())
}

fn outcome(ran: &Ran) -> &'static str {
    match (ran.failed(), ran.skipped) {
        (true, _) => "failed",
        (_, true) => "skipped",
        _ => "passed",
    }
}

/// JUnit as Jenkins reads it (junit-10.xsd): one suite a policy.
fn write_junit(out: &mut dyn Write, results: &Results) -> std::io::Result<()> {
    let mut xml = Writer::new_with_indent(out, b' ', 2);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    xml.create_element("testsuites")
        .with_attribute(("name", "touchstone test"))
        .write_inner_content(|xml| {
            let suites = results.ran.chunk_by(|one, next| one.policy == next.policy);
            suites
                .into_iter()
                .try_for_each(|suite| write_suite(xml, suite))
        })?;
    writeln!(xml.into_inner())
}

fn write_suite(xml: &mut Writer<&mut dyn Write>, suite: &[Ran]) -> std::io::Result<()> {
    let count = |is: fn(&Ran) -> bool| suite.iter().filter(|ran| is(ran)).count().to_string();
    let name = suite.first().map_or("", |ran| ran.policy.as_str());
    xml.create_element("testsuite")
        .with_attribute(("name", plain(name).as_str()))
        .with_attribute(("tests", suite.len().to_string().as_str()))
        .with_attribute(("failures", count(Ran::failed).as_str()))
        .with_attribute(("skipped", count(|ran| ran.skipped).as_str()))
        .write_inner_content(|xml| suite.iter().try_for_each(|ran| write_case(xml, ran)))?;
    Ok(())
}

fn write_case(xml: &mut Writer<&mut dyn Write>, ran: &Ran) -> std::io::Result<()> {
    let seconds = format!("{:.3}", ran.time.as_secs_f64());
    let case = xml
        .create_element("testcase")
        .with_attribute(("classname", plain(&ran.policy).as_str()))
        .with_attribute(("name", plain(&ran.name).as_str()))
        .with_attribute(("time", seconds.as_str()));
    match outcome(ran) {
        "failed" => {
            let wrong = plain(&ran.wrong.join("\n"));
            let text = BytesText::new(&wrong);
            case.write_inner_content(|xml| {
                xml.create_element("failure").write_text_content(text)?;
                Ok(())
            })?
        }
        "skipped" => case.write_inner_content(|xml| {
            xml.create_element("skipped").write_empty()?;
            Ok(())
        })?,
        _ => case.write_empty()?,
    };
    Ok(())
}

/// A text as XML 1.0 can hold it.
fn plain(text: &str) -> String {
    text.replace(
        |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{fffe}' | '\u{ffff}'),
        "\u{fffd}",
    )
}
