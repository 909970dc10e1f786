//! What a bundle makes of one image.

mod report;

use touchstone_sdk::Finding;
use touchstone_sdk::evidence::Subject;

use crate::allowlist::{Standing, standing};
use crate::bundle::{Action, Bundle, Compat, Kept, Mapping, Missing, Policy, Rule};
use crate::facts::Facts;
use crate::gates::{Asked, Lack, Match};
use crate::mapping::{Identity, Selector};

use self::report::Report;

/// What a bundle makes of one image.
#[derive(Debug)]
pub struct Evaluation {
    /// What is to be done.
    pub action: Action,
    /// Everything that there is to say.
    pub findings: Vec<Finding>,
    /// What could not be evaluated, though it could change the action: `files.name_match needs a report that lists files`.
    pub gaps: Vec<String>,
}

/// Something that a rule found, or could not look for, and what it counts as.
struct Row<'a> {
    policy: &'a Policy,
    rule: &'a Rule,
    found: Match,
    id: String,
    standing: Standing,
    /// Whether it stands for something that could not be looked for and does not count by itself.
    gap: Option<Gap>,
}

/// Something that could not be looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gap {
    /// It may change the action.
    Open,
    /// Anchore says nothing of it.
    Silent,
}

impl Row<'_> {
    /// What it counts as: what does not count is to go.
    fn action(&self) -> Action {
        match (&self.standing, self.gap) {
            (Standing::Allowed(_), _) | (_, Some(_)) => Action::Go,
            _ => self.rule.action,
        }
    }
}

/// Which lists the image is on.
struct Lists<'a> {
    trusted: Option<&'a Kept<Selector>>,
    denied: Option<&'a Kept<Selector>>,
    mapping: Option<&'a Mapping>,
}

impl Bundle {
    /// Evaluates one image.
    pub fn evaluate(&self, subject: &Subject) -> Evaluation {
        let image = Identity::of(subject);
        let lists = match self.lists(&image) {
            Ok(lists) => lists,
            Err((place, lack)) => return unknown(subject, place, &lack),
        };
        let facts = Facts::of(subject);
        let rows = lists
            .mapping
            .map(|mapping| self.rows(mapping, &facts))
            .unwrap_or_default();
        let report = Report {
            bundle: self,
            subject,
            image: &image,
            lists: &lists,
            rows: &rows,
        };
        report.evaluation()
    }

    /// An image that may be denied is not known well enough, nor one that a mapping may be about; one that may be trusted is
    /// not trusted.
    fn lists(&self, image: &Identity) -> Result<Lists<'_>, (&'static str, Lack)> {
        let denied = listed(&self.denied, image).map_err(|lack| ("the denied images", lack))?;
        let mut mapping = None;
        for candidate in &self.mappings {
            let matches = candidate.selector.read.matches(image);
            if matches.map_err(|lack| ("the mappings", lack))? {
                mapping = Some(candidate);
                break;
            }
        }
        Ok(Lists {
            trusted: listed(&self.trusted, image).unwrap_or(None),
            denied,
            mapping,
        })
    }

    fn rows<'a>(&'a self, mapping: &'a Mapping, facts: &Facts<'_>) -> Vec<Row<'a>> {
        let lists = || {
            mapping
                .allowlists
                .iter()
                .filter_map(|index| self.allowlists.get(*index))
        };
        let policies = mapping
            .policies
            .iter()
            .filter_map(|index| self.policies.get(*index));
        let mut rows = Vec::new();
        for (policy, rule) in
            policies.flat_map(|policy| policy.rules.iter().map(move |rule| (policy, rule)))
        {
            let (found, gap) = self.look(rule, facts);
            let found = found.into_iter().map(|found| (found, None));
            for (found, gap) in found.chain(gap) {
                let id = found.trigger_id(rule.trigger);
                let standing = standing(lists(), (rule.trigger.gate, &id), || facts.now().ok());
                let gap = gap.filter(|_| !matches!(standing, Standing::Allowed(_)));
                rows.push(Row {
                    policy,
                    rule,
                    found,
                    id,
                    standing,
                    gap,
                });
            }
        }
        rows
    }

    /// What a rule finds, and what stands for what it could not look for.
    fn look(&self, rule: &Rule, facts: &Facts<'_>) -> (Vec<Match>, Option<(Match, Option<Gap>)>) {
        // Anchore's evaluation breaks off at it, so that it is never silence.
        if let Some(why) = rule.params.broken() {
            return (Vec::new(), Some((unreadable(rule, why), self.open())));
        }
        let mut found = Vec::new();
        let asked = Asked {
            params: &rule.params,
            rule: &rule.id,
            facts,
            compat: self.options.compat,
        };
        let lack = (rule.trigger.run)(&asked, &mut found).err();
        let gap = lack.map(|lack| {
            let is_exact = self.options.compat == Compat::Exact;
            let gap = match is_exact && rule.trigger.silent && !lack.is_ours() {
                true => Some(Gap::Silent),
                false => self.open(),
            };
            (not_evaluated(rule, &lack), gap)
        });
        (found, gap)
    }

    /// What it counts as when a rule cannot look.
    fn open(&self) -> Option<Gap> {
        (self.options.missing == Missing::Undecided).then_some(Gap::Open)
    }
}

/// What of a list is about the image. An error when nothing is for certain, and something may be.
fn listed<'a>(
    list: &'a [Kept<Selector>],
    image: &Identity,
) -> Result<Option<&'a Kept<Selector>>, Lack> {
    let mut unknown = None;
    for kept in list {
        match kept.read.matches(image) {
            Ok(true) => return Ok(Some(kept)),
            Ok(false) => {}
            Err(lack) => unknown = Some(lack),
        }
    }
    unknown.map_or(Ok(None), Err)
}

/// Stands for what could not be looked for.
fn not_evaluated(rule: &Rule, lack: &Lack) -> Match {
    let why = format!("it needs {}", lack.need());
    gap(rule, &why, "send it to POST /v1/evidence")
}

/// Stands for a rule that nobody can evaluate.
fn unreadable(rule: &Rule, why: &str) -> Match {
    let why = format!("its {why}");
    gap(rule, &why, "mend the regular expression in the bundle")
}

fn gap(rule: &Rule, why: &str, remedy: &str) -> Match {
    let name = format!("{}.{}", rule.trigger.gate, rule.trigger.name);
    let id = format!("not-evaluated+{name}");
    let remedy = format!("{remedy}, or put {id} on an allowlist");
    let text = format!("{name} cannot be evaluated: {why}");
    Match::new(text).id(id).remedy(remedy)
}

/// Too little is known of the image to tell which rules are for it.
fn unknown(subject: &Subject, place: &str, lack: &Lack) -> Evaluation {
    let gap = format!("{place} need {}", lack.need());
    let message = format!("{} cannot be evaluated: {gap}", subject.text());
    let finding = Finding::deny("not-evaluated+image", message)
        .image(subject)
        .remedy("name the image with registry, repository, tag and digest");
    Evaluation {
        action: Action::Go,
        findings: vec![finding],
        gaps: vec![gap],
    }
}
