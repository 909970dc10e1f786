//! Rules about what `RUN` does. Messages name programs and packages, not whole commands, in which there may be secrets.

use touchstone_sdk::evidence::Instruction;

use super::Hit;
use crate::build::Build;
use crate::packages;
use crate::settings::Practices;
use crate::shell::{Pipeline, SHELLS, Script, programs};

/// Programs that download.
const DOWNLOADERS: [&str; 3] = ["curl", "wget", "fetch"];
/// Other programs that run what they read.
const INTERPRETERS: [&str; 6] = ["python", "python3", "perl", "ruby", "node", "php"];
/// How many packages a message names.
const NAMED: usize = 5;

/// No sudo, in any stage.
pub fn sudo(build: &Build, _: &Practices) -> Option<Vec<Hit>> {
    let uses = |script: &Script| {
        script
            .commands()
            .any(|command| programs(command).iter().any(|(name, _)| *name == "sudo"))
    };
    let hits = scripts(build)?
        .into_iter()
        .filter(|(_, script)| uses(script));
    Some(
        hits.map(|(instruction, _)| Hit::at(&instruction, "RUN uses sudo"))
            .collect(),
    )
}

/// No `curl … | sh`, in any stage.
pub fn pipes(build: &Build, _: &Practices) -> Option<Vec<Hit>> {
    let hits = scripts(build)?
        .into_iter()
        .filter_map(|(instruction, script)| {
            let piped = script.pipelines.iter().find_map(piped);
            let what = piped.or_else(|| substituted(&script.text))?;
            Some(Hit::at(
                &instruction,
                format!("RUN runs what it downloads unseen: {what}"),
            ))
        });
    Some(hits.collect())
}

/// A download that goes into an interpreter.
fn piped(pipeline: &Pipeline) -> Option<String> {
    let mut downloader = None;
    for command in pipeline {
        let (program, arguments) = programs(command).pop()?;
        if let Some(downloader) = downloader.filter(|_| runs_input(program, arguments)) {
            return Some(format!("{downloader} | {program}"));
        }
        downloader = downloader.or(DOWNLOADERS.contains(&program).then_some(program));
    }
    None
}

/// Whether a program takes its script from what it reads: it is given none.
fn runs_input(program: &str, arguments: &[String]) -> bool {
    let is_shell = SHELLS.contains(&program);
    if !is_shell && !INTERPRETERS.contains(&program) {
        return false;
    }
    for argument in arguments.iter().filter(|word| !word.contains(['<', '>'])) {
        match argument.as_str() {
            "-" | "-s" | "/dev/stdin" => return true,
            flag if is_shell
                && flag.starts_with('-')
                && !flag.starts_with("--")
                && flag.contains('c') =>
            {
                return false;
            }
            "-c" | "-e" | "-m" | "-r" | "-n" | "-ne" | "-pe" if !is_shell => return false,
            flag if flag.starts_with(['-', '+']) => {}
            _ => return false,
        }
    }
    true
}

/// `sh -c "$(curl …)"`, `bash <(curl …)`, `eval "$(wget …)"`.
fn substituted(text: &str) -> Option<String> {
    let openers = ["$(", "<(", "`"];
    let found = openers.iter().flat_map(|opener| text.match_indices(opener));
    found
        .filter_map(|(at, opener)| {
            let inside = text.get(at + opener.len()..)?.split_whitespace().next()?;
            let downloader = DOWNLOADERS.iter().find(|name| inside == **name)?;
            let before = text.get(..at)?.rsplit([';', '\n', '&', '|', '(']).next()?;
            let words: Vec<String> = before
                .split_whitespace()
                .map(|word| word.replace(['"', '\''], ""))
                .collect();
            let (program, arguments) = programs(&words).pop()?;
            let is_given = match program {
                "eval" | "source" | "." => true,
                // $(…) is a script only after -c; <(…) is a file.
                _ if SHELLS.contains(&program) => {
                    *opener == *"<("
                        || arguments
                            .iter()
                            .any(|flag| flag.starts_with('-') && flag.ends_with('c'))
                }
                _ => false,
            };
            is_given.then(|| format!("{program} with {opener}{downloader}"))
        })
        .next()
}

/// Nothing that package managers leave behind in the image's layers.
pub fn caches(build: &Build, _: &Practices) -> Option<Vec<Hit>> {
    let effective = build.effective()?.into_iter();
    let hits = effective
        .filter(|one| one.name == "RUN")
        .filter_map(|instruction| {
            let script = Script::new(&instruction.arguments);
            let left = packages::installs(&script)
                .into_iter()
                .find(|install| !install.cleans(&script))?;
            Some(Hit::at(
                instruction,
                format!("{} leaves {} in the layer", left.program, left.leaves()),
            ))
        });
    Some(hits.collect())
}

/// A version for each package, in any stage.
pub fn pins(build: &Build, _: &Practices) -> Option<Vec<Hit>> {
    let hits = scripts(build)?
        .into_iter()
        .flat_map(|(instruction, script)| {
            let installs = packages::installs(&script).into_iter();
            let hits = installs
                .filter(|install| !install.unpinned.is_empty())
                .map(|install| {
                    let more = match install.unpinned.len() > NAMED {
                        true => ", …",
                        false => "",
                    };
                    let first: Vec<&str> = install
                        .unpinned
                        .iter()
                        .take(NAMED)
                        .map(String::as_str)
                        .collect();
                    let names = first.join(", ");
                    Hit::at(
                        &instruction,
                        format!("{} installs any version of {names}{more}", install.program),
                    )
                });
            hits.collect::<Vec<_>>()
        });
    Some(hits.collect())
}

fn scripts(build: &Build) -> Option<Vec<(Instruction, Script)>> {
    let runs = build.every()?.into_iter().filter(|one| one.name == "RUN");
    let scripts = runs.map(|instruction| {
        let script = Script::new(&instruction.arguments);
        (instruction, script)
    });
    Some(scripts.collect())
}
