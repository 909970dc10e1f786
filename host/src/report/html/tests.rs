//! What a browser would show is looked at by eye; here is that nothing but the program's own markup gets in.

use std::collections::BTreeSet;

use quick_xml::Reader;
use quick_xml::events::Event;

use super::super::sample::*;
use super::*;
use crate::evidence::Severity;
use crate::model::{Finding, Level};

/// Every tag with its attributes' names, read as strictly as XML; void elements are closed first.
fn tags(html: &str) -> BTreeSet<String> {
    let html = html.replace("<!DOCTYPE html>", "");
    let (start, style) = html.split_once("<style>").unwrap();
    let (_, rest) = style.split_once("</style>").unwrap();
    let xml = format!("{start}{rest}").replace("<meta ", "<meta/ ");
    let xml: Vec<String> = xml.split("<meta/ ").map(str::to_owned).collect();
    let xml = xml
        .into_iter()
        .enumerate()
        .map(|(index, part)| match index {
            0 => part,
            _ => format!("<meta {}", part.replacen("\">", "\"/>", 1)),
        })
        .collect::<String>()
        .replace("<details open>", "<details open=\"\">");
    let mut reader = Reader::from_str(&xml);
    let mut tags = BTreeSet::new();
    loop {
        match reader.read_event().unwrap() {
            Event::Eof => return tags,
            Event::Start(tag) | Event::Empty(tag) => {
                let mut found = String::from_utf8_lossy(tag.name().as_ref()).into_owned();
                for attribute in tag.attributes() {
                    let attribute = attribute.unwrap();
                    found.push(' ');
                    found.push_str(&String::from_utf8_lossy(attribute.key.as_ref()));
                    if attribute.key.as_ref() == b"href" {
                        let url = attribute.unescape_value().unwrap();
                        assert!(url.starts_with("https://"), "{url}");
                    }
                }
                tags.insert(found);
            }
            Event::Text(text) => drop(text.decode().unwrap()),
            _ => {}
        }
    }
}

#[test]
fn hostile_texts_bring_no_markup() {
    let own = tags(&written(write, &corpus()));
    let hostile = tags(&written(write, &hostile()));
    // What the one has and the other has not is the program's, too.
    let known: BTreeSet<String> = ["td colspan", "details", "rect class height x width", "td"]
        .map(str::to_owned)
        .into();
    let foreign: Vec<&String> = hostile
        .difference(&own)
        .filter(|tag| !known.contains(*tag))
        .collect();
    assert!(foreign.is_empty(), "{foreign:?}");
    assert!(
        !own.iter()
            .any(|tag| tag.starts_with("script") || tag.contains(" on") || tag.contains(" style"))
    );
}

#[test]
fn the_page_asks_the_network_for_nothing() {
    let html = written(write, &corpus());
    assert!(html.contains("http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "));
    for loads in [
        "<link", "<img", "<script", "<iframe", "@import", "url(", " src=",
    ] {
        assert!(!html.contains(loads), "{loads}");
    }
}

#[test]
fn it_tells_what_failed_and_how_to_mend_it() {
    let html = written(write, &corpus());
    for part in [
        "<h1>denied</h1>",
        "4 documents: 1 denied, 1 with warnings, 1 allowed, 1 indeterminate, 1 not judged; 8 findings, 1 of them waived, 1 with an expired waiver",
        "generation <code>4f1c2a9be07d</code>",
        "update log4j-core to 2.17.1",
        "<td>security@example.com</td><td><time datetime=\"2026-03-01T00:00:00Z\">2026-03-01 00:00 UTC</time></td>",
        "monitor: does not count",
        "policy signatures took longer than 2s in all (limits.wall)",
        "malformed JSON at line 3, column 9: expected a value",
        "<td>not under this verdict</td>",
        "<td>Trivy 0.69.1</td><td><time datetime=\"2026-02-01T06:00:00Z\">2026-02-01 06:00 UTC</time></td>",
    ] {
        assert!(html.contains(part), "{part}");
    }
}

#[test]
fn a_link_leads_to_the_web_or_is_none() {
    let mut found = finding("x", Level::Deny, Severity::High, "m");
    found.links = vec![
        "javascript:alert(1)".to_owned(),
        "https://example.com/?a=1&b=\"".to_owned(),
    ];
    let found = Finding { ..found };
    let html = written(
        write,
        &[judged(
            "a",
            decision("nginx", vec![policy("p", vec![found])]),
        )],
    );
    assert!(!html.contains("<a "), "{html}");
    assert!(html.contains("<div class=\"link\">javascript:alert(1)</div>"));
}
