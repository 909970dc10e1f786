//! Trivy's results: one for the distribution's packages, one for each language, file, secret and kind of licence.

use serde::Deserialize;

use super::super::super::model::{
    Evidence, FoundLicence, FoundSecret, Misconfiguration, Package, Scope, Vulnerability,
};
use super::super::distribution::distribution;
use super::super::raw::{Text, filled, list, path};
use super::super::{Repeats, Wrong};
use super::finding::{RawLicence, RawMisconfiguration, RawPackage, RawSecret};
use super::vulnerability::RawVulnerability;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RawResult<'a> {
    #[serde(borrow)]
    target: Option<Text<'a>>,
    #[serde(borrow)]
    class: Option<Text<'a>>,
    #[serde(borrow, rename = "Type")]
    kind: Option<Text<'a>>,
    #[serde(default, deserialize_with = "list::<_, RawPackage, _>")]
    packages: Option<Vec<Package>>,
    #[serde(default, deserialize_with = "list::<_, RawVulnerability, _>")]
    vulnerabilities: Option<Vec<Vulnerability>>,
    #[serde(default, deserialize_with = "list::<_, RawMisconfiguration, _>")]
    misconfigurations: Option<Vec<Misconfiguration>>,
    #[serde(default, deserialize_with = "list::<_, RawSecret, _>")]
    secrets: Option<Vec<FoundSecret>>,
    #[serde(default, deserialize_with = "list::<_, RawLicence, _>")]
    licenses: Option<Vec<FoundLicence>>,
}

#[derive(Default)]
pub(super) struct Results {
    repeats: Repeats,
    /// Whether licences were looked for.
    licences: bool,
}

impl Results {
    pub(super) fn add(
        mut self,
        evidence: &mut Evidence,
        results: Vec<RawResult<'_>>,
    ) -> Result<(), Wrong> {
        let classes = results.iter().filter_map(|result| result.class.as_ref());
        self.licences = classes
            .into_iter()
            .any(|class| class.0.starts_with("license"));
        let scope = scope(&results);
        for report in &mut evidence.reports {
            report.scope = scope;
        }
        for result in results {
            self.add_one(evidence, result)?;
        }
        Ok(())
    }

    fn add_one(&mut self, evidence: &mut Evidence, mut raw: RawResult<'_>) -> Result<(), Wrong> {
        let target = filled(raw.target.take()).unwrap_or_default();
        let class = raw.class.take();
        let class = class.as_ref().map_or("", |class| &class.0);
        if let "os-pkgs" | "lang-pkgs" = class {
            if raw.packages.is_none() || !self.licences {
                raw.vulnerabilities.get_or_insert_default();
            }
            self.complete(&mut raw, class, &target)?;
        }
        let secrets = raw.secrets.iter_mut().flatten();
        let misconfigurations = raw.misconfigurations.iter_mut().flatten();
        let paths = secrets.map(|secret| &mut secret.path);
        let paths = paths.chain(misconfigurations.map(|found| found.path.get_or_insert_default()));
        for found in paths {
            self.repeats.add("Target", target.len())?;
            *found = path(&target);
        }
        // Of a licence without a name nothing is known, not even that it is one.
        if let Some(licences) = &mut raw.licenses {
            licences.retain(|licence| !licence.name.is_empty());
        }
        append(&mut evidence.packages, raw.packages);
        append(&mut evidence.vulnerabilities, raw.vulnerabilities);
        append(&mut evidence.secrets, raw.secrets);
        append(&mut evidence.misconfigurations, raw.misconfigurations);
        append(&mut evidence.licences, raw.licenses);
        match class {
            "config" => drop(evidence.misconfigurations.get_or_insert_default()),
            "secret" => drop(evidence.secrets.get_or_insert_default()),
            "license" | "license-file" => drop(evidence.licences.get_or_insert_default()),
            _ => {}
        }
        Ok(())
    }

    /// What packages and vulnerabilities do not say themselves: of what type they are, and the file.
    fn complete(
        &mut self,
        raw: &mut RawResult<'_>,
        class: &str,
        target: &str,
    ) -> Result<(), Wrong> {
        let kind = raw.kind.as_ref().and_then(|kind| kind_of(&kind.0));
        let kind = kind.unwrap_or("generic");
        // Of languages, a target is one file, or a name for many; those have a path each.
        let is_file = class == "lang-pkgs" && !MANY.contains(&target);
        let packages = raw.packages.iter_mut().flatten();
        let vulnerabilities = raw.vulnerabilities.iter_mut().flatten();
        let items = packages
            .map(|item| (&mut item.kind, &mut item.locations))
            .chain(vulnerabilities.map(|item| (&mut item.kind, &mut item.locations)));
        for (own, locations) in items {
            if own.is_empty() {
                kind.clone_into(own);
            }
            if is_file && locations.is_empty() {
                self.repeats.add("Target", target.len())?;
                locations.push(path(target));
            }
        }
        Ok(())
    }
}

/// Which packages were looked at. `trivy --pkg-types library` says so only by what there are results of.
fn scope(results: &[RawResult<'_>]) -> Scope {
    let has = |wanted: &str| {
        let mut classes = results.iter().filter_map(|result| result.class.as_ref());
        classes.any(|class| class.0 == wanted)
    };
    match (has("os-pkgs"), has("lang-pkgs")) {
        (true, false) => Scope::System,
        (false, true) => Scope::Language,
        _ => Scope::All,
    }
}

fn append<T>(all: &mut Option<Vec<T>>, more: Option<Vec<T>>) {
    match (all, more) {
        (Some(all), Some(mut more)) => all.append(&mut more),
        (all, more) => *all = all.take().or(more),
    }
}

/// Trivy's names for all packages of a language that lie about in an image.
const MANY: [&str; 6] = ["Conda", "Java", "Kubernetes", "Node.js", "Python", "Ruby"];

/// The type of packages by Trivy's `Type`: a distribution, or a language's tool.
fn kind_of(word: &str) -> Option<&'static str> {
    const TOOLS: [(&str, &str); 37] = [
        ("bitnami", "bitnami"),
        ("bun", "npm"),
        ("bundler", "gem"),
        ("cargo", "cargo"),
        ("cocoapods", "cocoapods"),
        ("composer", "composer"),
        ("composer-vendor", "composer"),
        ("conan", "conan"),
        ("conda-environment", "conda"),
        ("conda-pkg", "conda"),
        ("dotnet-core", "nuget"),
        ("gemspec", "gem"),
        ("gobinary", "golang"),
        ("gomod", "golang"),
        ("gradle", "maven"),
        ("hex", "hex"),
        ("jar", "maven"),
        ("javascript", "npm"),
        ("julia", "julia"),
        ("node-pkg", "npm"),
        ("npm", "npm"),
        ("nuget", "nuget"),
        ("packages-props", "nuget"),
        ("pip", "pypi"),
        ("pipenv", "pypi"),
        ("pnpm", "npm"),
        ("poetry", "pypi"),
        ("pom", "maven"),
        ("pub", "pub"),
        ("pylock", "pypi"),
        ("python-pkg", "pypi"),
        ("rust-binary", "cargo"),
        ("rustbinary", "cargo"),
        ("sbt", "maven"),
        ("swift", "swift"),
        ("uv", "pypi"),
        ("yarn", "npm"),
    ];
    let tool = TOOLS.iter().find(|(known, _)| *known == word);
    tool.map(|(_, kind)| *kind)
        .or_else(|| distribution(word, None).kind())
}
