//! Schemas are checked from outside; here is what becomes of each answer.

use quick_xml::Reader;

use super::super::sample::*;
use super::*;
use crate::evidence::Severity;
use crate::model::{Fault, Finding, Level, PolicyDecision, Verdict, WaiverState};

/// Element names with depth, after a strict reading.
fn outline(xml: &str) -> Vec<String> {
    let mut reader = Reader::from_str(xml);
    let mut found = Vec::new();
    let mut open = 0;
    loop {
        match reader.read_event().unwrap() {
            Event::Eof => break,
            Event::Start(tag) => {
                found.push(format!(
                    "{open}{}",
                    String::from_utf8_lossy(tag.name().as_ref())
                ));
                open += 1;
                tag.attributes()
                    .for_each(|one| drop(one.unwrap().unescape_value().unwrap()));
            }
            Event::Empty(tag) => found.push(format!(
                "{open}{}",
                String::from_utf8_lossy(tag.name().as_ref())
            )),
            Event::End(_) => open -= 1,
            Event::Text(text) => drop(text.decode().unwrap()),
            _ => {}
        }
    }
    assert_eq!(open, 0);
    found
}

fn one(policy: PolicyDecision) -> String {
    written(
        write,
        &[judged("a.json", decision("nginx:1.27", vec![policy]))],
    )
}

#[test]
fn each_answer_becomes_what_it_comes_to() {
    let denied = || finding("x", Level::Deny, Severity::High, "bad");
    let fault = || Fault::Undecided {
        policy: "p".into(),
        reason: "no data".into(),
    };
    let excused = Finding {
        waiver: Some(waived(WaiverState::Active)),
        ..denied()
    };
    let lapsed = Finding {
        waiver: Some(waived(WaiverState::Expired)),
        ..denied()
    };
    let warning = finding("w", Level::Warn, Severity::Low, "hm");
    for (name, policy, counts, part) in [
        (
            "denied",
            policy("p", vec![denied()]),
            "failures=\"1\" errors=\"0\" skipped=\"0\"",
            "message=\"1 finding to deny: x: bad\">deny x (high): bad<",
        ),
        (
            "warned",
            policy("p", vec![warning]),
            "failures=\"0\" errors=\"0\" skipped=\"0\"",
            "<system-out>warn w (low): hm<",
        ),
        (
            "allowed",
            policy("p", vec![]),
            "failures=\"0\" errors=\"0\" skipped=\"0\"",
            "name=\"p\" time=\"0.001250\">",
        ),
        (
            "undecided",
            undecided("p", fault(), Verdict::Warn),
            "failures=\"0\" errors=\"1\" skipped=\"0\"",
            "no data (counts as warn)",
        ),
        (
            "monitor",
            monitor(policy("p", vec![denied()])),
            "failures=\"0\" errors=\"0\" skipped=\"1\"",
            "would count as deny\"/>",
        ),
        (
            "monitored fault",
            monitor(undecided("p", fault(), Verdict::Deny)),
            "failures=\"0\" errors=\"0\" skipped=\"1\"",
            "no data\"/>",
        ),
        (
            "waived",
            policy("p", vec![excused]),
            "failures=\"0\" errors=\"0\" skipped=\"0\"",
            "<system-out>waived x (high): bad\n  waived by security@example.com until",
        ),
        (
            "expired",
            policy("p", vec![lapsed]),
            "failures=\"1\" errors=\"0\" skipped=\"0\"",
            "expired 2026-03-01 00:00 UTC, so it counts again",
        ),
    ] {
        let xml = one(policy);
        assert!(xml.contains(counts), "{name}: {xml}");
        assert!(xml.contains(part), "{name}: {xml}");
        assert!(
            xml.contains("name=\"touchstone.generation\" value=\"4f1c2a9be07d\""),
            "{name}: {xml}"
        );
        assert!(
            xml.contains("classname=\"touchstone.nginx:1_27 (a_json)\""),
            "{name}: {xml}"
        );
    }
}

#[test]
fn what_could_not_be_judged_is_an_error() {
    let broken = Judged {
        name: "a.json".into(),
        result: Err("no JSON".into()),
        performed: Default::default(),
    };
    let xml = written(write, &[broken]);
    assert!(
        xml.contains("tests=\"1\" failures=\"0\" errors=\"1\""),
        "{xml}"
    );
    assert!(
        xml.contains("<error type=\"not judged\" message=\"no JSON\">no JSON</error>"),
        "{xml}"
    );
}

#[test]
fn hostile_texts_are_xml() {
    let outline = outline(&written(write, &hostile()));
    let suites = outline.iter().filter(|name| *name == "1testsuite").count();
    let cases = outline.iter().filter(|name| *name == "2testcase").count();
    assert_eq!((suites, cases), (1 + 16, 16 * 3 + 16));
}
