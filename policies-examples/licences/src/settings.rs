//! The settings: lists of licences, by package type.

use std::collections::BTreeMap;

use touchstone_sdk::evidence::{Act, Demand, Pattern};
use touchstone_sdk::prelude::*;

use crate::lists::{Entry, Mode, Rules};

/// The settings. A list holds SPDX ids (`GPL-2.0` means `-only` and `-or-later`), other names (`Expat`, free text), or
/// patterns (`GPL-*`). The most particular entry counts: one with an exception (`GPL-2.0 WITH Classpath-exception-2.0`)
/// before one without, a name before a pattern; of those the strictest.
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Licences {
    /// What becomes of licences that no list names: with `denylist` they pass, with `allowOnly` they are denied.
    mode: Mode,
    /// Licences that are denied.
    denied: Vec<Entry>,
    /// Licences that are warned about.
    warned: Vec<Entry>,
    /// Licences that pass.
    allowed: Vec<Entry>,
    /// What is done about licences that neither SPDX nor a list knows; `warn`, with `allowOnly` `deny`, when not given.
    unknown: Option<Act>,
    /// What is done about packages without a licence; `warn`, with `allowOnly` `deny`, when not given.
    absent: Option<Act>,
    /// Other rules by package type, as in package URLs: `deb`, `npm`; `os` for those of operating systems, `non-os` for
    /// all others. What is not given is as above.
    kinds: BTreeMap<String, Kind>,
    /// Names of packages that are not judged; `*` stands for any text.
    pub(crate) exempt: Vec<Pattern>,
    /// A scanner's categories that are denied: `forbidden`, `restricted`. A licence that the list `allowed` names passes.
    pub(crate) denied_categories: Vec<String>,
    /// A scanner's categories that are warned about.
    pub(crate) warned_categories: Vec<String>,
    /// How sure a scanner has to be of a licence that it found in a file, 0 to 1.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub(crate) min_confidence: f64,
    /// Findings on one image at most, the worst first; what is left out is counted in one more.
    #[schemars(range(min = 1, max = 1000))]
    pub(crate) most: usize,
    /// What is made of an image whose licences nobody looked for.
    pub(crate) evidence: Demand,
}

/// Rules for a package type.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct Kind {
    /// What becomes of licences that no list names.
    mode: Option<Mode>,
    /// Licences that are denied.
    denied: Option<Vec<Entry>>,
    /// Licences that are warned about.
    warned: Option<Vec<Entry>>,
    /// Licences that pass.
    allowed: Option<Vec<Entry>>,
    /// What is done about licences that neither SPDX nor a list knows.
    unknown: Option<Act>,
    /// What is done about packages without a licence.
    absent: Option<Act>,
}

impl Default for Licences {
    fn default() -> Licences {
        Licences {
            mode: Mode::default(),
            denied: Vec::new(),
            warned: Vec::new(),
            allowed: Vec::new(),
            unknown: None,
            absent: None,
            kinds: BTreeMap::new(),
            exempt: Vec::new(),
            denied_categories: Vec::new(),
            warned_categories: Vec::new(),
            min_confidence: 0.0,
            most: 100,
            evidence: Demand::default(),
        }
    }
}

impl Licences {
    /// What types cannot say.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = self.check_lists();
        let finds = |rules: Rules<'_>| {
            rules.mode == Mode::AllowOnly || !rules.denied.is_empty() || !rules.warned.is_empty()
        };
        let by_category = !self.denied_categories.is_empty() || !self.warned_categories.is_empty();
        let by_kind = self.kinds.keys().any(|kind| finds(self.rules(kind)));
        if !by_category && !by_kind && !finds(self.rules("")) {
            problems.push(Problem {
                path: String::new(),
                message: "no licence is denied or warned about: fill denied, warned or deniedCategories, or say mode: allowOnly".to_owned(),
            });
        }
        problems
    }

    /// The rules for a package type; those for all when it is empty.
    pub fn rules(&self, kind: &str) -> Rules<'_> {
        let family = match kind {
            "deb" | "rpm" | "apk" | "alpm" | "os" => "os",
            "" => "",
            _ => "non-os",
        };
        let own = self.kinds.get(kind).or_else(|| self.kinds.get(family));
        let mode = own.and_then(|own| own.mode).unwrap_or(self.mode);
        let usual = match mode {
            Mode::Denylist => Act::Warn,
            Mode::AllowOnly => Act::Deny,
        };
        Rules {
            mode,
            denied: own
                .and_then(|own| own.denied.as_ref())
                .unwrap_or(&self.denied),
            warned: own
                .and_then(|own| own.warned.as_ref())
                .unwrap_or(&self.warned),
            allowed: own
                .and_then(|own| own.allowed.as_ref())
                .unwrap_or(&self.allowed),
            unknown: own
                .and_then(|own| own.unknown)
                .or(self.unknown)
                .unwrap_or(usual),
            absent: own
                .and_then(|own| own.absent)
                .or(self.absent)
                .unwrap_or(usual),
        }
    }

    /// Entries that could never mean a licence, and modes without a list.
    fn check_lists(&self) -> Vec<Problem> {
        let top = [
            ("denied", &self.denied),
            ("warned", &self.warned),
            ("allowed", &self.allowed),
        ];
        let mut lists: Vec<(String, &Vec<Entry>)> =
            top.map(|(name, list)| (format!("/{name}"), list)).to_vec();
        for (kind, own) in &self.kinds {
            let own = [
                ("denied", &own.denied),
                ("warned", &own.warned),
                ("allowed", &own.allowed),
            ];
            let given = own
                .into_iter()
                .filter_map(|(name, list)| Some((name, list.as_ref()?)));
            lists.extend(given.map(|(name, list)| (format!("/kinds/{kind}/{name}"), list)));
        }
        let entries = lists
            .iter()
            .flat_map(|(path, list)| list.iter().enumerate().map(move |entry| (path, entry)));
        let mut problems: Vec<Problem> = entries
            .filter_map(|(path, (index, entry))| {
                let message = entry.problem()?;
                Some(Problem {
                    path: format!("{path}/{index}"),
                    message,
                })
            })
            .collect();
        let kinds = self
            .kinds
            .keys()
            .map(|kind| (format!("/kinds/{kind}/mode"), kind.as_str()));
        for (path, kind) in kinds.chain([("/mode".to_owned(), "")]) {
            let rules = self.rules(kind);
            if rules.mode == Mode::AllowOnly && rules.allowed.is_empty() && rules.warned.is_empty()
            {
                let message =
                    "allowOnly, but allowed is empty: list at least one licence".to_owned();
                problems.push(Problem { path, message });
            }
        }
        problems
    }
}
