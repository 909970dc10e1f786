//! The settings: what is done about each rule, and what the rules need to know.

use touchstone_sdk::evidence::{Act, Demand, Pattern};
use touchstone_sdk::prelude::*;

use crate::ports::Ports;

/// Names that passwords, tokens and keys usually have.
const SECRETS: [&str; 12] = [
    "*PASSWORD*",
    "*PASSWD*",
    "*PASSPHRASE*",
    "*_PASS",
    "*SECRET*",
    "TOKEN",
    "*_TOKEN",
    "*API_KEY*",
    "*APIKEY*",
    "*ACCESS_KEY*",
    "*PRIVATE_KEY*",
    "*CREDENTIAL*",
];

/// Names of what tells where a secret is, or how it is used.
const NO_SECRETS: [&str; 4] = ["*_FILE", "*_PATH", "*_DIR", "*_LENGTH"];

/// The settings.
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Practices {
    /// What is done about each rule; a rule's name is its finding's id.
    pub rules: Rules,
    /// Ports that the rule `ports` is about: `22`, `5900-5910`, `161/udp`.
    pub forbidden_ports: Vec<Ports>,
    /// Names that the rule `secret-name` is about.
    pub secret_names: Names,
    /// Bad practice that scanners reported (`trivy config`, dockle, hadolint).
    pub reported: Reported,
    /// What is done about rules that nobody can judge for want of a Dockerfile; what is done about the rule itself, when
    /// not given.
    pub unjudged: Option<Act>,
    /// Findings on one image at most, the worst first; what is left out is counted in one more.
    #[schemars(range(min = 1, max = 1000))]
    pub most: usize,
    /// What is made of an image of which nobody knows the Dockerfile, the configuration or the history.
    pub evidence: Demand,
}

/// What is done about each rule.
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Rules {
    /// The image runs as another user than root, and everybody can tell.
    pub user: Act,
    /// It exposes none of the forbidden ports.
    pub ports: Act,
    /// It has a HEALTHCHECK.
    pub healthcheck: Act,
    /// Variables and build arguments do not have the names of secrets.
    pub secret_name: Act,
    /// Images that it is built from have a tag other than latest, or a digest.
    pub from_tag: Act,
    /// They have a digest.
    pub from_digest: Act,
    /// ADD fetches nothing from the net without a checksum.
    pub add_url: Act,
    /// ADD is for archives; COPY is for files.
    pub add_file: Act,
    /// RUN uses no sudo.
    pub sudo: Act,
    /// RUN does not run what it downloads unseen.
    pub pipe_to_shell: Act,
    /// RUN leaves no lists or caches of package managers behind.
    pub package_cache: Act,
    /// Packages are installed in a fixed version.
    pub package_pin: Act,
}

/// Which names are those of secrets.
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Names {
    /// Names, in upper or lower case; `*` stands for any text.
    pub names: Vec<Pattern>,
    /// Names among them that are none.
    pub except: Vec<Pattern>,
}

/// Which reports of scanners count.
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Reported {
    /// The severity from which on they are denied; null for never.
    pub deny_from: Option<Severity>,
    /// The severity from which on they are warned about; null for never.
    pub warn_from: Option<Severity>,
    /// Ids that do not count: `DS026`; `*` stands for any text.
    pub except: Vec<Pattern>,
}

impl Default for Practices {
    fn default() -> Practices {
        Practices {
            rules: Rules::default(),
            forbidden_ports: vec![Ports::SSH],
            secret_names: Names::default(),
            reported: Reported::default(),
            unjudged: None,
            most: 100,
            evidence: Demand::default(),
        }
    }
}

impl Default for Rules {
    fn default() -> Rules {
        Rules {
            user: Act::Deny,
            ports: Act::Deny,
            healthcheck: Act::Warn,
            secret_name: Act::Deny,
            from_tag: Act::Warn,
            from_digest: Act::Off,
            add_url: Act::Warn,
            add_file: Act::Info,
            sudo: Act::Warn,
            pipe_to_shell: Act::Warn,
            package_cache: Act::Info,
            package_pin: Act::Off,
        }
    }
}

impl Default for Names {
    fn default() -> Names {
        Names {
            names: SECRETS.map(Pattern::new).into(),
            except: NO_SECRETS.map(Pattern::new).into(),
        }
    }
}

impl Default for Reported {
    fn default() -> Reported {
        Reported {
            deny_from: Some(Severity::High),
            warn_from: Some(Severity::Medium),
            except: Vec::new(),
        }
    }
}

impl Names {
    /// Whether a variable has the name of a secret.
    pub fn look_like(&self, name: &str) -> bool {
        let any = |patterns: &[Pattern]| patterns.iter().any(|one| one.matches_any_case(name));
        any(&self.names) && !any(&self.except)
    }
}

impl Reported {
    /// Whether any report counts.
    pub fn counts(&self) -> bool {
        self.deny_from.is_some() || self.warn_from.is_some()
    }

    /// The level of a report; nothing when it does not count.
    pub fn level(&self, severity: Severity) -> Option<Level> {
        let reaches =
            |least: Option<Severity>| least.is_some_and(|least| severity as u8 >= least as u8);
        if reaches(self.deny_from) {
            return Some(Level::Deny);
        }
        reaches(self.warn_from).then_some(Level::Warn)
    }
}

impl Practices {
    /// What types cannot say.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut report = |path: String, message: &str| {
            problems.push(Problem {
                path,
                message: message.to_owned(),
            });
        };
        for (index, ports) in self.forbidden_ports.iter().enumerate() {
            if let Some(message) = ports.problem() {
                report(format!("/forbiddenPorts/{index}"), &message);
            }
        }
        let lists = [
            ("/secretNames/except", &self.secret_names.except),
            ("/reported/except", &self.reported.except),
        ];
        for (path, list) in lists {
            for (index, _) in list
                .iter()
                .enumerate()
                .filter(|(_, one)| one.as_str().chars().all(|c| c == '*'))
            {
                report(format!("{path}/{index}"), "lets everything through");
            }
        }
        if let (Some(deny), Some(warn)) = (self.reported.deny_from, self.reported.warn_from)
            && warn as u8 > deny as u8
        {
            report(
                "/reported/warnFrom".to_owned(),
                "is above denyFrom, so nothing would ever be warned about",
            );
        }
        if self.rules.ports != Act::Off && self.forbidden_ports.is_empty() {
            report(
                "/forbiddenPorts".to_owned(),
                "is empty; to allow every port, say rules: {ports: off}",
            );
        }
        if self.rules.secret_name != Act::Off && self.secret_names.names.is_empty() {
            report(
                "/secretNames/names".to_owned(),
                "is empty; to allow every name, say rules: {secret-name: off}",
            );
        }
        problems
    }
}
