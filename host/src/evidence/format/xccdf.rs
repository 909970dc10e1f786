//! Results of benchmarks by XCCDF 1.2 (NIST IR 7275, revision 4) and 1.1.4, as `oscap xccdf eval` writes them: a
//! `TestResult` alone, within its `Benchmark`, or in a report of ARF 1.1 (NIST IR 7694).
//!
//! The document is read in one pass, for it may be of any size; only elements of XCCDF's namespaces count, whatever their
//! prefix.

mod attribute;
mod join;
mod text;
mod xml;

use self::attribute::{moment, number, optional, positive, required, severity};
use self::join::{Fix, Outcome, Points, Rule, Run, Sheet};
use self::text::Text;
use self::xml::{Element, Part, Space, Xml};
use super::super::model::{Evidence, Identifier, RuleOutcome};
use super::{Sketch, Wrong};

/// What a result may say (§6.6.4.2).
const RESULTS: [(&str, RuleOutcome); 9] = [
    ("pass", RuleOutcome::Pass),
    ("fail", RuleOutcome::Fail),
    ("error", RuleOutcome::Error),
    ("unknown", RuleOutcome::Unknown),
    ("notapplicable", RuleOutcome::NotApplicable),
    ("notchecked", RuleOutcome::NotChecked),
    ("notselected", RuleOutcome::NotSelected),
    ("informational", RuleOutcome::Informational),
    ("fixed", RuleOutcome::Fixed),
];

/// How many benchmarks, rules, runs and results a document may have. Each takes far more memory than it takes to write, and
/// the largest benchmarks, of all vulnerabilities of a distribution, have some ten thousands.
const MAX_ITEMS: usize = 200_000;

/// The scoring model that every tool has (§7.3.2).
const SCORING: &str = "urn:xccdf:scoring:default";

pub(super) fn detect(sketch: &Sketch<'_>) -> bool {
    let Sketch::Xml(root) = sketch else {
        return false;
    };
    ["Benchmark", "TestResult", "asset-report-collection"].contains(&root.as_str())
}

pub(super) fn read(text: &str) -> Result<Evidence, Wrong> {
    let mut xml = Xml::new(text);
    let mut document = Document::default();
    while let Some(part) = xml.next()? {
        match part {
            Part::Start(element) => document
                .start(&element)
                .map_err(|reason| xml.wrong_element(&element, reason))?,
            Part::Text(text) => document.text(&text),
            Part::End => document.end().map_err(|reason| xml.wrong(reason))?,
        }
    }
    let Document { sheets, runs, .. } = document;
    match (&*runs, &*sheets) {
        ([], []) => Err(Wrong::at("the document", "it holds no TestResult")),
        ([], _) => {
            let reason = "it holds only a benchmark without results: give what `oscap xccdf eval --results` writes";
            Err(Wrong::at("the document", reason))
        }
        _ => join::evidence(&sheets, runs),
    }
}

/// Where in a document we are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Document,
    /// In ARF, or a collection of data streams.
    Around,
    /// In what ARF repeats of the request; results in it are not those of the report.
    Request,
    Benchmark,
    Group,
    Rule,
    TestResult,
    RuleResult,
    /// In something without interest.
    Skipped,
}

/// Elements of which the text counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Title,
    Description,
    Rationale,
    Reference,
    Ident,
    FixText,
    Fix,
    Target,
    Score,
    Result,
}

/// Where they count.
const FIELDS: [(Place, &str, Field); 14] = [
    (Place::Benchmark, "title", Field::Title),
    (Place::Rule, "title", Field::Title),
    (Place::Rule, "description", Field::Description),
    (Place::Rule, "rationale", Field::Rationale),
    (Place::Rule, "reference", Field::Reference),
    (Place::Rule, "ident", Field::Ident),
    (Place::Rule, "fixtext", Field::FixText),
    (Place::Rule, "fix", Field::Fix),
    (Place::TestResult, "title", Field::Title),
    (Place::TestResult, "target", Field::Target),
    (Place::TestResult, "score", Field::Score),
    (Place::RuleResult, "result", Field::Result),
    (Place::RuleResult, "ident", Field::Ident),
    (Place::RuleResult, "fix", Field::Fix),
];

/// A field that is being read.
#[derive(Debug)]
struct Open {
    field: Field,
    text: Text,
    /// What its attributes say: whose identifier or score it is, where the reference leads.
    system: String,
    maximum: Option<f64>,
}

/// What was read so far.
#[derive(Debug, Default)]
struct Document {
    sheets: Vec<Sheet>,
    runs: Vec<Run>,
    /// How many items those hold.
    items: usize,
    places: Vec<Place>,
    open: Option<Open>,
    rule: Rule,
    outcome: Outcome,
}

impl Document {
    fn start(&mut self, element: &Element<'_>) -> Result<(), String> {
        if let Some(open) = &mut self.open {
            return open.text.start(element);
        }
        let parent = self.places.last().copied().unwrap_or_default();
        if element.space == Space::Xccdf {
            let name = element.name();
            let row = FIELDS.iter().find(|row| row.0 == parent && row.1 == name);
            if let Some((_, _, field)) = row {
                self.open = Some(field_of(*field, element)?);
                return Ok(());
            }
        }
        let place = self.enter(parent, element)?;
        self.places.push(place);
        let is_item = [
            Place::Benchmark,
            Place::Rule,
            Place::TestResult,
            Place::RuleResult,
        ]
        .contains(&place);
        self.items += usize::from(is_item);
        if self.items > MAX_ITEMS {
            return Err(format!("more than {MAX_ITEMS} rules and results"));
        }
        Ok(())
    }

    fn text(&mut self, text: &str) {
        if let Some(open) = &mut self.open {
            open.text.push(text);
        }
    }

    fn end(&mut self) -> Result<(), String> {
        if let Some(mut open) = self.open.take() {
            if open.text.end() {
                return self.fill(open);
            }
            self.open = Some(open);
            return Ok(());
        }
        match self.places.pop() {
            Some(Place::Rule) => self.close_rule(),
            Some(Place::RuleResult) => self.close_outcome(),
            _ => Ok(()),
        }
    }

    /// Where an element leads.
    fn enter(&mut self, parent: Place, element: &Element<'_>) -> Result<Place, String> {
        use Place::{Around, Benchmark, Document, Group, Request, RuleResult, Skipped, TestResult};
        match (parent, element.space, element.name()) {
            (Document, Space::Arf, "asset-report-collection") => Ok(Around),
            (Document | Around | Request, Space::Xccdf, "Benchmark") => self.benchmark(element),
            (Document | Around | Benchmark, Space::Xccdf, "TestResult") => {
                if self.places.contains(&Request) {
                    return Ok(Skipped);
                }
                self.run(parent, element)
            }
            (Document, ..) => Err(unknown_root(element)),
            (Around, Space::Arf, "report-requests") => Ok(Request),
            (Around | Request, ..) => Ok(parent),
            (Benchmark | Group, Space::Xccdf, "Group") => Ok(Group),
            (Benchmark | Group, Space::Xccdf, "Rule") => self.begin_rule(element),
            (TestResult, Space::Xccdf, "benchmark" | "profile") => self.refer(element),
            (TestResult, Space::Xccdf, "rule-result") => {
                self.outcome = Outcome {
                    id: required(element, "idref")?,
                    severity: severity(element)?,
                    weight: number(element, "weight")?,
                    ..Outcome::default()
                };
                Ok(RuleResult)
            }
            _ => Ok(Skipped),
        }
    }

    fn benchmark(&mut self, element: &Element<'_>) -> Result<Place, String> {
        self.sheets.push(Sheet {
            id: optional(element, "id")?,
            ..Sheet::default()
        });
        Ok(Place::Benchmark)
    }

    fn run(&mut self, parent: Place, element: &Element<'_>) -> Result<Place, String> {
        let last = self.sheets.len().checked_sub(1);
        self.runs.push(Run {
            inside: last.filter(|_| parent == Place::Benchmark),
            system: optional(element, "test-system")?,
            started: moment(element, "start-time")?,
            ended: moment(element, "end-time")?,
            ..Run::default()
        });
        Ok(Place::TestResult)
    }

    fn begin_rule(&mut self, element: &Element<'_>) -> Result<Place, String> {
        self.rule = Rule {
            id: required(element, "id")?,
            severity: severity(element)?,
            weight: number(element, "weight")?,
            ..Rule::default()
        };
        Ok(Place::Rule)
    }

    fn refer(&mut self, element: &Element<'_>) -> Result<Place, String> {
        let run = self
            .runs
            .last_mut()
            .ok_or("stands outside of a TestResult")?;
        if element.name() == "profile" {
            run.profile = optional(element, "idref")?;
        } else {
            run.id = optional(element, "id")?;
            run.href = optional(element, "href")?;
        }
        Ok(Place::Skipped)
    }

    /// Puts what a field says where it belongs. Of texts in several languages the first counts.
    fn fill(&mut self, open: Open) -> Result<(), String> {
        let Open {
            field,
            text,
            system,
            maximum,
        } = open;
        let place = self.places.last().copied().unwrap_or_default();
        let text = text.finish();
        let first = |slot: Option<&mut Option<String>>, text: Option<String>| {
            if let Some(slot) = slot {
                *slot = slot.take().or(text);
            }
        };
        match (field, place) {
            (Field::Title, Place::Benchmark) => {
                first(self.sheets.last_mut().map(|sheet| &mut sheet.title), text)
            }
            (Field::Title, Place::TestResult) => {
                first(self.runs.last_mut().map(|run| &mut run.title), text)
            }
            (Field::Title, _) => first(Some(&mut self.rule.title), text),
            (Field::Target, _) => first(self.runs.last_mut().map(|run| &mut run.target), text),
            (Field::Description, _) => first(Some(&mut self.rule.description), text),
            (Field::Rationale, _) => first(Some(&mut self.rule.rationale), text),
            (Field::FixText, _) => first(Some(&mut self.rule.fixtext), text),
            (Field::Fix, Place::RuleResult) => Fix::offer(&mut self.outcome.fix, text, &system),
            (Field::Fix, _) => Fix::offer(&mut self.rule.fix, text, &system),
            (Field::Reference, _) => self.rule.references.extend(reference(text, system)),
            (Field::Ident, Place::RuleResult) => self
                .outcome
                .identifiers
                .extend(text.map(|id| Identifier { system, id })),
            (Field::Ident, _) => self
                .rule
                .identifiers
                .extend(text.map(|id| Identifier { system, id })),
            (Field::Result, _) => return self.result(&text.unwrap_or_default()),
            (Field::Score, _) => return self.score(&text.unwrap_or_default(), &system, maximum),
        }
        Ok(())
    }

    fn result(&mut self, word: &str) -> Result<(), String> {
        let known = RESULTS.iter().find(|(known, _)| *known == word);
        let (_, result) = known.ok_or_else(|| {
            let known = RESULTS.map(|(known, _)| known).join(", ");
            format!(
                "result {word:?} of {:?} is none of {known}",
                self.outcome.id
            )
        })?;
        match self.outcome.result.replace(*result) {
            Some(_) => Err(format!("{:?} has two results", self.outcome.id)),
            None => Ok(()),
        }
    }

    fn score(&mut self, text: &str, system: &str, maximum: Option<f64>) -> Result<(), String> {
        let points = Points {
            preferred: system == SCORING,
            score: positive("score", text)?,
            maximum: maximum.unwrap_or(100.0),
        };
        if let Some(run) = self.runs.last_mut() {
            let better = |old: Points| points.preferred && !old.preferred;
            if run.points.is_none_or(better) {
                run.points = Some(points);
            }
        }
        Ok(())
    }

    fn close_rule(&mut self) -> Result<(), String> {
        let rule = std::mem::take(&mut self.rule);
        let Some(sheet) = self.sheets.last_mut() else {
            return Ok(());
        };
        match sheet.rules.insert(rule.id.clone(), rule) {
            Some(twin) => Err(format!("rule {:?} stands twice in its benchmark", twin.id)),
            None => Ok(()),
        }
    }

    fn close_outcome(&mut self) -> Result<(), String> {
        let outcome = std::mem::take(&mut self.outcome);
        if outcome.result.is_none() {
            return Err(format!("rule-result of {:?} has no result", outcome.id));
        }
        if let Some(run) = self.runs.last_mut() {
            run.outcomes.push(outcome);
        }
        Ok(())
    }
}

fn field_of(field: Field, element: &Element<'_>) -> Result<Open, String> {
    let system = match field {
        Field::Reference => element.attribute("href")?,
        Field::Ident | Field::Score | Field::Fix => element.attribute("system")?,
        _ => None,
    };
    let maximum = match field {
        Field::Score => number(element, "maximum")?,
        _ => None,
    };
    Ok(Open {
        field,
        text: Text::new(field == Field::Fix),
        system: system.unwrap_or_default(),
        maximum,
    })
}

fn unknown_root(element: &Element<'_>) -> String {
    let name = element.declared().unwrap_or_default();
    format!(
        "namespace {name:?} is none that is read here: those of XCCDF 1.1, XCCDF 1.2 and ARF are"
    )
}

/// Number and catalogue: `CCI-000366 (https://public.cyber.mil/stigs/cci/)`.
fn reference(text: Option<String>, href: String) -> Option<String> {
    match text {
        Some(text) if href.is_empty() => Some(text),
        Some(text) => Some(format!("{text} ({href})")),
        None => (!href.is_empty()).then_some(href),
    }
}

#[cfg(test)]
mod tests;
