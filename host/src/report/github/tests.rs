//! The order, and that no text gets out of its command.

use super::super::sample::*;
use super::*;
use crate::model::Fault;

fn lines(judged: &[Judged]) -> Vec<String> {
    written(write, judged).lines().map(str::to_owned).collect()
}

#[test]
fn the_worst_stands_first_and_the_summary_last() {
    let findings = vec![
        finding("a", Level::Info, Severity::Critical, "i"),
        finding("b", Level::Deny, Severity::Low, "l"),
        finding("c", Level::Warn, Severity::High, "w"),
        finding("d", Level::Deny, Severity::Critical, "50%, really: yes\nno"),
    ];
    let judged = [judged(
        "a,b:c.json#3",
        decision("nginx", vec![policy("p", findings)]),
    )];
    assert_eq!(
        lines(&judged),
        [
            "::error file=a%2Cb%3Ac.json,line=1,title=p%3A d [critical]::nginx: 50%25, really: yes%0Ano",
            "::error file=a%2Cb%3Ac.json,line=1,title=p%3A b [low]::nginx: l",
            "::warning file=a%2Cb%3Ac.json,line=1,title=p%3A c [high]::nginx: w",
            "::notice file=a%2Cb%3Ac.json,line=1,title=p%3A a [critical]::nginx: i",
            "::notice title=touchstone%3A denied::1 document: 1 denied; 4 findings",
        ]
    );
}

#[test]
fn the_summary_is_always_among_the_ten_notices() {
    let infos = (0..30).map(|n| finding(&format!("n{n}"), Level::Info, Severity::Low, "x"));
    let judged = [judged(
        "-",
        decision("nginx", vec![policy("p", infos.collect())]),
    )];
    let lines = lines(&judged);
    assert_eq!(lines.len(), 10);
    assert!(
        lines[0].starts_with("::notice title=p%3A n0 [low]::"),
        "{}",
        lines[0]
    );
    assert!(
        lines[9].ends_with("30 findings; 21 more of level info"),
        "{}",
        lines[9]
    );
}

#[test]
fn monitors_and_waivers_fail_nothing() {
    let denied = finding("x", Level::Deny, Severity::High, "m");
    let mut excused = denied.clone();
    excused.waiver = Some(waived(crate::model::WaiverState::Active));
    let fault = Fault::Undecided {
        policy: "q".into(),
        reason: "r".into(),
    };
    let policies = vec![
        monitor(policy("m", vec![denied])),
        policy("w", vec![excused]),
        monitor(undecided("q", fault, Verdict::Deny)),
    ];
    let lines = lines(&[judged("-", decision("nginx", policies))]);
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(
        lines.iter().all(|line| line.starts_with("::notice ")),
        "{lines:?}"
    );
}

#[test]
fn hostile_texts_stay_within_their_command() {
    for line in lines(&hostile()) {
        let (head, _) = line[2..].split_once("::").unwrap();
        let (command, properties) = head.split_once(' ').unwrap();
        assert!(["error", "warning", "notice"].contains(&command), "{line}");
        let keys: Vec<&str> = properties
            .split(',')
            .map(|pair| pair.split_once('=').unwrap().0)
            .collect();
        assert!(
            ["file", "title"].contains(&keys[0]) && keys.last() == Some(&"title"),
            "{line}"
        );
    }
}
