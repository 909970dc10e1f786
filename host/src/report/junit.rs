//! JUnit's XML, as Jenkins, GitLab and others read it: a suite for each document, a case for each policy. Valid by the
//! schema of Jenkins' xunit plugin (junit-10.xsd).

mod case;

use std::io::Write;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use self::case::{Case, Outcome, case, is_broken, is_failed, is_skipped};
use super::Judged;
use super::plain::{self, NAME, SENTENCE};
use crate::model::Decision;

struct Suite<'a> {
    document: &'a str,
    decision: Option<&'a Decision>,
    cases: Vec<Case>,
}

type Xml<'a> = Writer<&'a mut dyn Write>;

pub(super) fn write(out: &mut dyn Write, judged: &[Judged]) -> std::io::Result<()> {
    let suites: Vec<Suite> = judged.iter().map(suite).collect();
    let mut xml = Writer::new_with_indent(out, b' ', 2);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let all = || suites.iter().flat_map(|suite| &suite.cases);
    let time: u64 = suites
        .iter()
        .filter_map(|suite| suite.decision)
        .map(|one| one.duration_us)
        .sum();
    xml.create_element("testsuites")
        .with_attribute(("name", "touchstone"))
        .with_attribute(("tests", count(all(), |_| true).as_str()))
        .with_attribute(("failures", count(all(), is_failed).as_str()))
        .with_attribute(("errors", count(all(), is_broken).as_str()))
        .with_attribute(("time", seconds(time, 3).as_str()))
        .write_inner_content(|xml| suites.iter().try_for_each(|suite| write_suite(xml, suite)))?;
    writeln!(xml.into_inner())
}

fn suite(judged: &Judged) -> Suite<'_> {
    match &judged.result {
        Ok(decision) => {
            let skipped = decision.skipped.iter().map(|name| Case {
                name: plain::line(name, NAME),
                time: None,
                outcome: Outcome::Skipped("left out: an earlier policy said stop".to_owned()),
                output: String::new(),
            });
            let mut cases: Vec<Case> = decision.policies.iter().map(case).chain(skipped).collect();
            if cases.is_empty() {
                cases.push(Case {
                    name: "policies".to_owned(),
                    time: None,
                    outcome: Outcome::Skipped("no policy matches: nothing judged it".to_owned()),
                    output: String::new(),
                });
            }
            Suite {
                document: &judged.name,
                decision: Some(decision),
                cases,
            }
        }
        Err(error) => Suite {
            document: &judged.name,
            decision: None,
            cases: vec![Case {
                name: "judged".to_owned(),
                time: None,
                outcome: Outcome::Broken("not judged", plain::lines(error, SENTENCE)),
                output: String::new(),
            }],
        },
    }
}

fn write_suite(xml: &mut Xml<'_>, suite: &Suite<'_>) -> std::io::Result<()> {
    let name = suite_name(suite);
    let mut element = xml
        .create_element("testsuite")
        .with_attribute(("name", name.as_str()))
        .with_attribute(("tests", count(&suite.cases, |_| true).as_str()))
        .with_attribute(("failures", count(&suite.cases, is_failed).as_str()))
        .with_attribute(("errors", count(&suite.cases, is_broken).as_str()))
        .with_attribute(("skipped", count(&suite.cases, is_skipped).as_str()));
    if let Some(decision) = suite.decision {
        // Schemas want no time zone; it is UTC.
        let time = decision
            .event
            .time
            .strftime("%Y-%m-%dT%H:%M:%S")
            .to_string();
        element = element
            .with_attribute(("timestamp", time.as_str()))
            .with_attribute(("time", seconds(decision.duration_us, 3).as_str()));
    }
    element.write_inner_content(|xml| {
        if let Some(decision) = suite.decision {
            write_properties(xml, decision)?;
        }
        suite
            .cases
            .iter()
            .try_for_each(|case| write_case(xml, case, &name))
    })?;
    Ok(())
}

/// The document, and the image if it goes by another name.
fn suite_name(suite: &Suite<'_>) -> String {
    let images = suite
        .decision
        .map(|decision| decision.event.images.as_slice());
    match images {
        Some([image]) if image != suite.document => {
            let (image, document) = (plain::line(image, NAME), plain::line(suite.document, NAME));
            format!("{image} ({document})")
        }
        _ => plain::line(suite.document, NAME),
    }
}

fn write_properties(xml: &mut Xml<'_>, decision: &Decision) -> std::io::Result<()> {
    let images = decision
        .event
        .images
        .iter()
        .map(|image| ("image", image.as_str()));
    let properties = [
        ("decision", decision.id.as_str()),
        ("generation", &decision.generation),
        ("verdict", decision.verdict.as_str()),
        ("event", &decision.event.id),
        ("kind", &decision.event.kind),
        ("source", &decision.event.source),
    ];
    let namespace = decision
        .event
        .namespace
        .as_deref()
        .map(|namespace| ("namespace", namespace));
    let dry_run = decision.dry_run.then_some(("dryRun", "true"));
    xml.create_element("properties")
        .write_inner_content(|xml| {
            for (name, value) in properties
                .into_iter()
                .chain(namespace)
                .chain(dry_run)
                .chain(images)
            {
                xml.create_element("property")
                    .with_attribute(("name", format!("touchstone.{name}").as_str()))
                    .with_attribute(("value", plain::line(value, NAME).as_str()))
                    .write_empty()?;
            }
            Ok(())
        })?;
    Ok(())
}

fn write_case(xml: &mut Xml<'_>, case: &Case, suite: &str) -> std::io::Result<()> {
    // Jenkins takes what stands before the last dot for a package.
    let class = format!("touchstone.{}", suite.replace('.', "_"));
    let mut element = xml
        .create_element("testcase")
        .with_attribute(("classname", class.as_str()))
        .with_attribute(("name", case.name.as_str()));
    if let Some(time) = case.time {
        element = element.with_attribute(("time", seconds(time, 6).as_str()));
    }
    element.write_inner_content(|xml| {
        let failed = match &case.outcome {
            Outcome::Passed => None,
            Outcome::Skipped(why) => {
                let why = plain::line(why, SENTENCE);
                xml.create_element("skipped")
                    .with_attribute(("message", why.as_str()))
                    .write_empty()?;
                None
            }
            Outcome::Failed(why) => Some(("failure", "deny", why, &case.output)),
            Outcome::Broken(kind, why) => Some(("error", *kind, why, why)),
        };
        if let Some((element, kind, why, text)) = failed {
            xml.create_element(element)
                .with_attribute(("type", kind))
                .with_attribute(("message", plain::line(why, NAME).as_str()))
                .write_text_content(BytesText::new(text))?;
        }
        if !case.output.is_empty() && !is_failed(case) {
            xml.create_element("system-out")
                .write_text_content(BytesText::new(&case.output))?;
        }
        Ok(())
    })?;
    Ok(())
}

fn count<'a>(cases: impl IntoIterator<Item = &'a Case>, what: impl Fn(&Case) -> bool) -> String {
    cases
        .into_iter()
        .filter(|case| what(case))
        .count()
        .to_string()
}

/// The schema allows three decimals on suites.
fn seconds(microseconds: u64, decimals: usize) -> String {
    let seconds = std::time::Duration::from_micros(microseconds).as_secs_f64();
    format!("{seconds:.decimals$}")
}

#[cfg(test)]
mod tests;
