//! From what rules found to findings, with what Anchore's own evaluation says of them.

use serde_json::{Value, json};
use touchstone_sdk::evidence::Subject;
use touchstone_sdk::{Finding, Level};

use super::{Evaluation, Gap, Lists, Row};
use crate::allowlist::Standing;
use crate::bundle::{Action, Bundle, Kept, Policy};
use crate::gates::Match;
use crate::mapping::{Identity, Selector};

/// From rows to findings.
pub(super) struct Report<'a> {
    pub(super) bundle: &'a Bundle,
    pub(super) subject: &'a Subject,
    pub(super) image: &'a Identity,
    pub(super) lists: &'a Lists<'a>,
    pub(super) rows: &'a [Row<'a>],
}

impl Report<'_> {
    pub(super) fn evaluation(&self) -> Evaluation {
        let by_policies = worst(self.rows.iter());
        let (action, reason) = match (self.lists.denied, self.lists.trusted) {
            (Some(_), _) => (Action::Stop, "blacklisted"),
            (None, Some(_)) => (Action::Go, "whitelisted"),
            (None, None) => (by_policies, "policy_evaluation"),
        };
        let mut findings: Vec<Finding> = self.rows.iter().map(|row| self.finding(row)).collect();
        findings.extend(self.denied());
        findings.push(self.summary(action, reason));
        let decides = |row: &&Row<'_>| row.gap == Some(Gap::Open) && row.rule.action != Action::Go;
        let is_open = reason == "policy_evaluation";
        let mut gaps: Vec<String> = Vec::new();
        for row in self.rows.iter().filter(|row| is_open && decides(row)) {
            let text = row
                .found
                .text
                .replace(" cannot be evaluated: it needs ", " needs ")
                .replace(" cannot be evaluated: its ", ": its ");
            if !gaps.contains(&text) {
                gaps.push(text);
            }
        }
        Evaluation {
            action,
            findings,
            gaps,
        }
    }

    fn finding(&self, row: &Row<'_>) -> Finding {
        let Match {
            id: _,
            text,
            severity,
            package,
            path,
            links,
            remedy,
        } = &row.found;
        let mut finding = Finding::new(self.level(row), &row.id, text)
            .image(self.subject)
            .severity(*severity);
        finding.package.clone_from(package);
        finding.path.clone_from(path);
        finding.links.clone_from(links);
        finding.remedy.clone_from(remedy);
        if let Standing::Expired(end) = &row.standing {
            let before = remedy
                .as_ref()
                .map_or(String::new(), |remedy| format!("{remedy}; "));
            finding = finding.remedy(format!(
                "{before}the allowlist item for it expired on {end}"
            ));
        }
        match row.gap {
            // Anchore's table has no row for it.
            Some(_) => finding,
            None => finding.details(&json!({"anchore": {"row": self.row(row)}})),
        }
    }

    fn level(&self, row: &Row<'_>) -> Level {
        let settled = matches!(row.standing, Standing::Allowed(_)) || row.gap == Some(Gap::Silent);
        let trusted = self.lists.trusted.is_some() && self.lists.denied.is_none();
        match row.rule.action {
            _ if settled || trusted => Level::Info,
            Action::Stop => Level::Deny,
            Action::Warn => Level::Warn,
            Action::Go => Level::Info,
        }
    }

    fn row(&self, row: &Row<'_>) -> Value {
        let allowed = match &row.standing {
            Standing::Allowed(by) => by.clone(),
            _ => Value::Bool(false),
        };
        json!([
            self.image.id(),
            self.image.tag(),
            row.id,
            row.rule.trigger.gate,
            row.rule.trigger.name,
            row.found.text,
            row.action().as_str(),
            allowed,
            row.policy.id,
        ])
    }

    fn denied(&self) -> Option<Finding> {
        let kept = self.lists.denied?;
        let message = format!(
            "{} is a denied image{}",
            self.image.tag(),
            titled(&kept.read.name)
        );
        let finding = Finding::deny("denied-image", message).image(self.subject);
        Some(
            finding.remedy(
                "use another image, or have it taken off the bundle's list of denied images",
            ),
        )
    }

    /// What Anchore's evaluation says besides its table.
    fn summary(&self, action: Action, reason: &str) -> Finding {
        let raw = |kept: Option<&Kept<Selector>>| {
            kept.map_or(Value::Bool(false), |kept| kept.raw.clone())
        };
        let mapping = self.lists.mapping;
        let places = mapping.map_or(&[][..], |mapping| &mapping.policies);
        let policies: Vec<&Policy> = places
            .iter()
            .filter_map(|index| self.bundle.policies.get(*index))
            .collect();
        let actions: serde_json::Map<String, Value> = policies
            .iter()
            .map(|policy| {
                let rows = self.rows.iter().filter(|row| row.policy.id == policy.id);
                (policy.id.clone(), worst(rows).as_str().into())
            })
            .collect();
        let ids: Vec<&str> = policies.iter().map(|policy| policy.id.as_str()).collect();
        let details = json!({"anchore": {"evaluation": {
            "final_action": action.as_str(),
            "final_action_reason": reason,
            "matched_mapping_rule": raw(mapping.map(|mapping| &mapping.selector)),
            "matched_whitelisted_images_rule": raw(self.lists.trusted),
            "matched_blacklisted_images_rule": raw(self.lists.denied),
            "policies": ids,
            "bundle_id": self.bundle.id,
            "image_id": self.image.id(),
            "tag": self.image.tag(),
            "digest": self.image.digest(),
            "policy_actions": actions,
        }}});
        let rule = match mapping {
            Some(mapping) => format!("the mapping{}", titled(&mapping.selector.read.name)),
            None => "no mapping".to_owned(),
        };
        let message = format!(
            "bundle {} says {} by {reason}, under {rule}",
            self.bundle.id,
            action.as_str()
        );
        Finding::info("anchore-evaluation", message)
            .image(self.subject)
            .details(&details)
    }
}

/// The worst action; nothing to say is to go.
fn worst<'a>(rows: impl Iterator<Item = &'a Row<'a>>) -> Action {
    rows.map(Row::action).min().unwrap_or(Action::Go)
}

fn titled(name: &str) -> String {
    match name {
        "" => String::new(),
        name => format!(" {name:?}"),
    }
}
