//! What a reader sees, and that no text gets out of its place.

use super::super::sample::*;
use super::*;
use crate::evidence::Severity;

fn many(count: usize, message: &str) -> Vec<Judged> {
    let findings = (0..count).map(|n| {
        let level = [Level::Info, Level::Warn, Level::Deny][n % 3];
        finding(&format!("f{n}"), level, Severity::High, message)
    });
    vec![judged(
        "a.json",
        decision("nginx", vec![policy("p", findings.collect())]),
    )]
}

fn cells(row: &str) -> usize {
    row.replace("\\|", "").matches('|').count()
}

#[test]
fn fifty_rows_and_how_many_more() {
    let text = written(write, &many(120, "short"));
    let rows = text.lines().filter(|line| line.contains("`nginx`")).count();
    assert_eq!(rows, 50);
    assert!(text.contains("\nand 70 more\n"), "{text}");
    assert!(
        text.find("`f2`") < text.find("`f1`"),
        "deny stands before warn"
    );
}

#[test]
fn it_fits_in_a_comment() {
    for message in [
        "|@#<".repeat(1 << 18),
        "日本".repeat(1 << 18),
        "x".repeat(1 << 20),
    ] {
        let mut judged = many(500, &message);
        judged.extend((0..500).map(|_| Judged {
            name: message.clone(),
            result: Err(message.clone()),
            performed: Default::default(),
        }));
        judged.extend(hostile());
        let text = written(write, &judged);
        assert!(text.len() <= LIMIT, "{}", text.len());
        assert!(text.contains("\nand "), "{text}");
        assert_eq!(
            text.matches("<details>").count(),
            text.matches("</details>").count()
        );
    }
}

#[test]
fn hostile_texts_break_no_table() {
    let text = written(write, &hostile());
    let mut width = None;
    for line in text.lines() {
        if line.starts_with('|') {
            let expected = *width.get_or_insert(cells(line));
            assert_eq!(cells(line), expected, "{line}");
        } else {
            width = None;
        }
    }
    for tag in text.split('<').skip(1) {
        let known = ["details>", "/details>", "summary>", "/summary>", "br>"];
        assert!(known.iter().any(|known| tag.starts_with(known)), "<{tag}");
    }
    let outside: String = text.split('`').step_by(2).collect();
    for lure in [
        "@maintainer",
        "see #",
        "GH-7",
        "://",
        "www.",
        "](",
        "**bold",
    ] {
        assert!(!outside.contains(lure), "{lure}");
    }
}

#[test]
fn monitors_and_waivers_are_told_apart() {
    let text = written(write, &corpus());
    assert!(
        text.starts_with("### ❌ Touchstone: denied\n\n4 documents: "),
        "{text}"
    );
    assert!(text.contains("| (deny) | low | `gpl-3.0` |"), "{text}");
    assert!(text.contains("<summary>Waived (1)</summary>"), "{text}");
    assert!(
        text.contains("<summary>Expired waivers: these count again (1)</summary>"),
        "{text}"
    );
    assert!(
        text.contains("security&#64;&#8203;example.com | 2026-03-01 00:00 UTC |"),
        "{text}"
    );
}
