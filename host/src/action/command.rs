//! A program that touchstone.yaml names. Values from the guest become parts of arguments or JSON on standard input, never
//! text for a shell.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::{Pid, User};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command as Process};

use super::{Failure, Performers, json, request, staged};
use crate::config::Command;
use crate::grants::Resource;
use crate::guest::bindings::touchstone::policy::command::{Host, Invocation};
use crate::guest::bindings::touchstone::policy::types::{Error, Terms};
use crate::guest::{Ctx, Refusal, invalid};
use crate::model::Action;

/// EX_TEMPFAIL of sysexits.h: try again later.
const TRY_AGAIN: i32 = 75;

/// A staged run.
#[derive(Serialize, Deserialize)]
struct Run {
    name: String,
    arguments: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    input: Option<Box<RawValue>>,
}

impl Host for Ctx {
    fn stage(&mut self, invocation: Invocation, terms: Terms) -> Result<(), Refusal> {
        self.allow("command", Resource::Path(&invocation.name))?;
        let Invocation {
            name,
            arguments,
            input,
        } = invocation;
        let targets = self.outside().targets();
        let Some(command) = targets.commands.get(&name) else {
            return Err(Error::NotFound(format!("touchstone.yaml has no command {name:?}")).into());
        };
        // Known before any value is.
        let other = |why: String| Error::NotFound(format!("command {name}: {why}"));
        command.takes(&arguments).map_err(other)?;
        command.fill(&arguments).map_err(invalid)?;
        let input = input.map(json).transpose()?;
        let run = Run {
            name: name.clone(),
            arguments,
            input,
        };
        let action = staged(
            "command",
            name.clone(),
            format!("command {name}"),
            terms,
            &run,
        )?;
        self.stage(action)
    }
}

pub(super) async fn perform(performers: &Performers, action: &Action) -> Result<String, Failure> {
    let run: Run = request(action)?;
    let targets = performers.outside.targets();
    let Some(command) = targets.commands.get(&run.name) else {
        return Err(Failure::passing(format!(
            "touchstone.yaml has no command {:?}",
            run.name
        )));
    };
    // The command may have changed since it was staged.
    let arguments = command.fill(&run.arguments).map_err(Failure::Final)?;
    let folder = tempfile::Builder::new()
        .permissions(Permissions::from_mode(0o700))
        .tempdir()
        .map_err(|error| Failure::passing(format!("no working folder: {error}")))?;
    let mut process = process(performers, command, action, &arguments)?;
    process.current_dir(folder.path());
    if let Some(name) = &command.user {
        let user = user(name)?;
        std::os::unix::fs::chown(
            folder.path(),
            Some(user.uid.as_raw()),
            Some(user.gid.as_raw()),
        )
        .map_err(|error| {
            Failure::passing(format!(
                "the working folder cannot be given to {name}: {error}"
            ))
        })?;
        process.uid(user.uid.as_raw()).gid(user.gid.as_raw());
    }
    let mut child = process.spawn().map_err(|error| {
        Failure::passing(format!(
            "{} cannot be run: {error}",
            command.program.display()
        ))
    })?;
    let group = Group::of(&child);
    let input = run
        .input
        .map(|input| input.get().to_owned())
        .unwrap_or_default();
    let finished = finish(&mut child, group, input, command.output);
    match tokio::time::timeout(command.timeout, finished).await {
        Ok(done) => done,
        Err(_) => {
            let limit = humantime::format_duration(command.timeout);
            Err(Failure::passing(format!(
                "it took longer than {limit} and was killed"
            )))
        }
    }
}

fn user(name: &str) -> Result<User, Failure> {
    match User::from_name(name) {
        Ok(Some(user)) => Ok(user),
        Ok(None) => Err(Failure::passing(format!("there is no user {name:?}"))),
        Err(error) => Err(Failure::passing(format!(
            "user {name:?} cannot be looked up: {error}"
        ))),
    }
}

/// With nothing of the host's own environment.
fn process(
    performers: &Performers,
    command: &Command,
    action: &Action,
    arguments: &[String],
) -> Result<Process, Failure> {
    let mut process = Process::new(&command.program);
    process
        .args(arguments)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin");
    for (name, secret) in &command.environment {
        let value = performers
            .outside
            .secrets
            .read(secret)
            .map_err(Failure::passing)?;
        process.env(name, value);
    }
    process
        .env("TOUCHSTONE_IDEMPOTENCY_KEY", &action.id)
        .env("TOUCHSTONE_DECISION", &action.decision)
        .env("TOUCHSTONE_POLICY", &action.policy)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    Ok(process)
}

/// The program and all that it started; ended with this, however the attempt ends.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Group {
        Group(
            child
                .id()
                .and_then(|id| i32::try_from(id).ok())
                .map(Pid::from_raw),
        )
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // It may be gone already.
            let _ = killpg(group, Signal::SIGKILL);
        }
    }
}

/// Waits for the program itself; what it left running ends with it.
async fn finish(
    child: &mut Child,
    group: Group,
    input: String,
    most: u64,
) -> Result<String, Failure> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let feed = tokio::spawn(async move {
        if let Some(mut stdin) = stdin {
            // A program that does not read its input is no failure.
            let _ = stdin.write_all(input.as_bytes()).await;
        }
    });
    let (out, errors) = (
        tokio::spawn(read(stdout, most)),
        tokio::spawn(read(stderr, most)),
    );
    let status = child.wait().await.map_err(Failure::passing)?;
    drop(group);
    feed.abort();
    let (out, errors) = (
        out.await.unwrap_or_default(),
        errors.await.unwrap_or_default(),
    );
    let said = format!("{out}{errors}");
    let said = said.trim();
    match status.code() {
        Some(0) => Ok(format!("exit code 0 {said}")),
        Some(TRY_AGAIN) => Err(Failure::passing(format!("exit code 75 {said}"))),
        Some(code) => Err(Failure::Final(format!("exit code {code} {said}"))),
        None => Err(Failure::Final(format!("{status} {said}"))),
    }
}

/// The first bytes; the rest is read and forgotten, so that the program does not wait for a reader.
async fn read(from: Option<impl AsyncRead + Unpin>, most: u64) -> String {
    let Some(from) = from else {
        return String::new();
    };
    let mut kept = Vec::new();
    let mut head = from.take(most);
    let _ = head.read_to_end(&mut kept).await;
    let _ = tokio::io::copy(&mut head.into_inner(), &mut tokio::io::sink()).await;
    String::from_utf8_lossy(&kept).into_owned()
}
