//! What mappings name: policies and allowlists.

use super::{Reader, named};
use crate::allowlist::{Allowlist, Item};
use crate::bundle::{Action, Compat, Policy, RawItem, RawRule, Rule};
use crate::gates::{self, Unknown};
use crate::params::Params;
use crate::time;

impl Reader<'_> {
    /// The policy of that id, which is read when it is first named.
    pub(super) fn policy(&mut self, place: &str, id: &str) -> Option<usize> {
        if let Some(index) = self.read_policies.get(id) {
            return Some(*index);
        }
        let named = named(&self.policies, |policy| &policy.id, id);
        let (path, raw) = self.only("policy", place, id, named)?;
        self.version(&raw.version, &path);
        let rules = raw.rules.iter().flatten().enumerate();
        let mut rules: Vec<Rule> = rules
            .filter_map(|(index, rule)| self.rule(&format!("{path}/rules/{index}"), rule))
            .collect();
        by_gate(&mut rules);
        let id = id.to_owned();
        self.read_policies
            .insert(id.clone(), self.bundle.policies.len());
        self.bundle.policies.push(Policy { id, rules });
        Some(self.bundle.policies.len() - 1)
    }

    fn rule(&mut self, path: &str, raw: &RawRule) -> Option<Rule> {
        let action = self.action(path, &raw.action);
        let gate = self.required(&raw.gate, path, "gate");
        let name = self.required(&raw.trigger, path, "trigger");
        if gate.is_empty() || name.is_empty() {
            return None;
        }
        let trigger = match gates::find(&gate, &name) {
            Ok(trigger) => trigger,
            Err(unknown) => {
                let (key, message) = match unknown {
                    Unknown::Gate(message) => ("gate", message),
                    Unknown::Trigger(message) => ("trigger", message),
                };
                self.problem(&format!("{path}/{key}"), message);
                return None;
            }
        };
        let given = raw.params.as_deref().unwrap_or_default();
        let place = format!("{path}/params");
        let compat: Compat = self.bundle.options.compat;
        let params = Params::read(given, trigger.params, compat, (&place, &mut self.problems));
        Some(Rule {
            id: raw.id.clone().unwrap_or_else(|| "None".to_owned()),
            trigger,
            params,
            action: action?,
        })
    }

    fn action(&mut self, path: &str, action: &Option<String>) -> Option<Action> {
        let text = self.required(action, path, "action");
        let is_named = |action: &&Action| action.as_str().eq_ignore_ascii_case(&text);
        let found = Action::ALL.iter().find(is_named).copied();
        if found.is_none() && action.is_some() {
            self.problem(
                &format!("{path}/action"),
                format!("{text:?} is none of GO, WARN, STOP"),
            );
        }
        found
    }

    /// The allowlist of that id, which is read when it is first named.
    pub(super) fn allowlist(&mut self, place: &str, id: &str) -> Option<usize> {
        if let Some(index) = self.read_allowlists.get(id) {
            return Some(*index);
        }
        let named = named(&self.allowlists, |list| &list.id, id);
        let (path, raw) = self.only("allowlist", place, id, named)?;
        self.version(&raw.version, &path);
        let items = raw.items.iter().flatten().enumerate();
        let items = items
            .filter_map(|(index, item)| self.item(&format!("{path}/items/{index}"), item))
            .collect();
        self.read_allowlists
            .insert(id.to_owned(), self.bundle.allowlists.len());
        self.bundle.allowlists.push(Allowlist {
            id: id.to_owned(),
            name: raw.name.clone(),
            items,
        });
        Some(self.bundle.allowlists.len() - 1)
    }

    fn item(&mut self, path: &str, raw: &RawItem) -> Option<Item> {
        let gate = self.required(&raw.gate, path, "gate").to_lowercase();
        let pattern = self.pattern(path, "trigger_id", &raw.trigger_id);
        let expires = match raw.expires_on.as_deref().filter(|text| !text.is_empty()) {
            None => None,
            Some(text) => match time::seconds(text) {
                Some(end) => Some((end, text.to_owned())),
                None => {
                    let message = format!("{text:?} is not a time such as 2027-01-01T00:00:00Z");
                    self.problem(&format!("{path}/expires_on"), message);
                    None
                }
            },
        };
        Some(Item {
            id: raw.id.clone(),
            gate,
            trigger_id: raw.trigger_id.clone()?,
            pattern: pattern?,
            expires,
        })
    }
}

/// Anchore evaluates gate by gate; the rows come in that order.
fn by_gate(rules: &mut [Rule]) {
    let mut gates: Vec<&'static str> = Vec::new();
    for rule in rules.iter() {
        if !gates.contains(&rule.trigger.gate) {
            gates.push(rule.trigger.gate);
        }
    }
    rules.sort_by_key(|rule| gates.iter().position(|gate| *gate == rule.trigger.gate));
}
