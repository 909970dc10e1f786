//! The settings, with the names that secrets usually have.

use touchstone_sdk::evidence::{Act, Demand, Pattern};
use touchstone_sdk::prelude::*;

/// Files that hold keys and passwords.
const FILES: [&str; 32] = [
    "*/.ssh/id_*",
    "*/id_rsa",
    "*/id_dsa",
    "*/id_ecdsa",
    "*/id_ed25519",
    "*/ssh_host_*_key",
    "*.pem",
    "*.key",
    "*.p12",
    "*.pfx",
    "*.jks",
    "*.keystore",
    "*.ppk",
    "*.kdbx",
    "*/.npmrc",
    "*/.pypirc",
    "*/.netrc",
    "*/_netrc",
    "*/.git-credentials",
    "*/.docker/config.json",
    "*/.dockercfg",
    "*/.aws/credentials",
    "*/.azure/accessTokens.json",
    "*/.config/gcloud/*credentials*",
    "*/.kube/config",
    "*/.pgpass",
    "*/.my.cnf",
    "*/.env",
    "*/.gnupg/secring.gpg",
    "*/.gnupg/private-keys-v1.d/*",
    "*/.vault-token",
    "*.tfstate",
];

/// Public keys, and where distributions and languages keep certificates of authorities.
const NOT_FILES: [&str; 8] = [
    "*.pub",
    "/etc/ssl/certs/*",
    "/etc/ssl/cert.pem",
    "/etc/pki/*",
    "/etc/ca-certificates/*",
    "/usr/share/ca-certificates/*",
    "/usr/local/share/ca-certificates/*",
    "*/cacert.pem",
];

const VARIABLES: [&str; 12] = [
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

/// Variables that tell where a secret is, or how it is used.
const NOT_VARIABLES: [&str; 4] = ["*_FILE", "*_PATH", "*_DIR", "*_LENGTH"];

/// The settings.
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct NoSecrets {
    /// The level of secrets that a scanner found, and of files whose content is a private key.
    pub(crate) level: Level,
    /// The least severity that counts, as the scanner has it.
    pub(crate) min_severity: Severity,
    /// Rules of scanners that do not count; `*` stands for any text.
    pub(crate) allowed_rules: Vec<Pattern>,
    /// Files that may hold what looks like a secret, such as samples; `*` stands for any text, slashes too.
    pub(crate) allowed_paths: Vec<Pattern>,
    /// Files that have names as keys have them.
    pub(crate) files: Files,
    /// Variables of the configuration (`ENV`), and build arguments that the history tells.
    pub(crate) variables: Variables,
    /// Findings on one image at most, the worst first; what is left out is counted in one more.
    #[schemars(range(min = 1, max = 1000))]
    pub(crate) most: usize,
    /// What is made of an image in which nobody looked for secrets.
    pub(crate) evidence: Demand,
}

/// Which files have names as keys have them.
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Files {
    /// What is done about them.
    pub(crate) act: Act,
    /// Their paths; `*` stands for any text, slashes too.
    pub(crate) names: Vec<Pattern>,
    /// Paths among them that are none.
    pub(crate) except: Vec<Pattern>,
}

/// Which variables have names as passwords have them.
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Variables {
    /// What is done about them.
    pub(crate) act: Act,
    /// Their names, in upper or lower case; `*` stands for any text.
    pub(crate) names: Vec<Pattern>,
    /// Names among them that are none.
    pub(crate) except: Vec<Pattern>,
}

impl Default for NoSecrets {
    fn default() -> NoSecrets {
        NoSecrets {
            level: Level::Deny,
            min_severity: Severity::Unknown,
            allowed_rules: Vec::new(),
            allowed_paths: Vec::new(),
            files: Files::default(),
            variables: Variables::default(),
            most: 100,
            evidence: Demand::default(),
        }
    }
}

impl Default for Files {
    fn default() -> Files {
        Files {
            act: Act::Warn,
            names: FILES.map(Pattern::new).into(),
            except: NOT_FILES.map(Pattern::new).into(),
        }
    }
}

impl Default for Variables {
    fn default() -> Variables {
        Variables {
            act: Act::Warn,
            names: VARIABLES.map(Pattern::new).into(),
            except: NOT_VARIABLES.map(Pattern::new).into(),
        }
    }
}

impl Variables {
    /// Whether a variable has a name as passwords have it.
    pub fn look_like(&self, name: &str) -> bool {
        let any = |patterns: &[Pattern]| patterns.iter().any(|one| one.matches_any_case(name));
        any(&self.names) && !any(&self.except)
    }
}

impl NoSecrets {
    /// Whether a file may hold what looks like a secret.
    pub fn allows_path(&self, path: &str) -> bool {
        self.allowed_paths
            .iter()
            .any(|pattern| pattern.matches(path))
    }

    /// Patterns that let everything through, and lists without which nothing is looked for.
    pub fn problems(&self) -> Vec<Problem> {
        let all = [
            ("/allowedPaths", &self.allowed_paths),
            ("/allowedRules", &self.allowed_rules),
            ("/files/except", &self.files.except),
            ("/variables/except", &self.variables.except),
        ];
        let patterns = all
            .iter()
            .flat_map(|(path, list)| list.iter().enumerate().map(move |one| (path, one)));
        let anything =
            patterns.filter(|(_, (_, pattern))| pattern.as_str().chars().all(|c| c == '*'));
        let mut problems: Vec<Problem> = anything
            .map(|(path, (index, _))| Problem {
                path: format!("{path}/{index}"),
                message: "lets everything through".to_owned(),
            })
            .collect();
        let names = [
            ("/files", &self.files.names, self.files.act),
            ("/variables", &self.variables.names, self.variables.act),
        ];
        let empty = names
            .iter()
            .filter(|(_, names, act)| names.is_empty() && *act != Act::Off);
        problems.extend(empty.map(|(path, ..)| Problem {
            path: format!("{path}/names"),
            message: "is empty; to look for none, say act: off".to_owned(),
        }));
        problems
    }
}
