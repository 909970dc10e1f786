//! What a reader sees, and that no text gets out of its place.

use anstream::adapter::strip_str;

use super::super::sample::{self, corpus, decision, finding, hostile, judged, written};
use super::*;
use crate::evidence::Severity;

fn plainly(judged: &[Judged]) -> String {
    strip_str(&written(write, judged)).to_string()
}

#[test]
fn what_is_excused_says_by_whom_and_until_when() {
    let text = plainly(&corpus());
    for part in [
        "          deny  CVE-2023-52425  expat can be kept busy (libexpat1)\n                waived by security@example.com until 2026-03-01 00:00 UTC: not reachable: the parser is not compiled in (SEC-1203)\n",
        "          warn  CVE-2023-45853  zlib overflows in MiniZip (zlib1g)\n                the waiver of security@example.com expired 2026-01-15 12:00 UTC, so it counts again: until the next base image\n",
        "; 8 findings, 1 of them waived, 1 with an expired waiver\n",
    ] {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn a_place_is_told_once() {
    let text = plainly(&corpus());
    // The message names openssl.
    assert!(
        text.contains("CVE-2024-5535   openssl 3.0.11 reads too far\n"),
        "{text}"
    );
    assert!(
        text.contains("an SSH server is installed (/etc/ssh/sshd_config)\n"),
        "{text}"
    );
}

#[test]
fn evidence_says_where_it_comes_from() {
    let text = plainly(&corpus());
    let line = "      what is known of registry.example.com/shop/web:2.4.1: Trivy 0.69.1 (database 2026-02-01 06:00 UTC, \
        scanned 2026-02-02 07:30 UTC), found by digest\n";
    assert!(text.contains(line), "{text}");
}

#[test]
fn a_text_stays_on_its_line_and_brings_no_colours() {
    let text = written(write, &hostile());
    // Red contains bold.
    let own = [RED, YELLOW, GREEN, BOLD, DIM];
    let mut rest = text;
    for style in own {
        rest = rest.replace(&style.render().to_string(), "");
    }
    assert!(!rest.replace("\u{1b}[0m", "").contains('\u{1b}'));
    let message = "one\n      other  deny\rx";
    let forged = finding("f", Level::Warn, Severity::Low, message);
    let judged = [judged(
        "a",
        decision("nginx", vec![sample::policy("p", vec![forged])]),
    )];
    assert!(plainly(&judged).contains("warn  f  one       other  deny x\n"));
}
