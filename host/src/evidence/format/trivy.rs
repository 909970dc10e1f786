//! Trivy's JSON report, schema version 2 (Trivy 0.20 to 0.6x, `trivy image --format json`, `pkg/types/report.go`).
//!
//! A report does not say which scanners ran. Trivy writes a result for the distribution's packages whenever it knows the
//! distribution and looks for their vulnerabilities or licences; there, no `Vulnerabilities` are none found, unless the
//! result may be there for its licences. Results of files and secrets are there only where something was found, so that
//! their absence says nothing; nor do no `Results` at all: neither distribution nor packages were recognised.

mod finding;
mod vulnerability;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::super::model::{
    Distribution, Evidence, FoundLicence, FoundSecret, Layer, Misconfiguration, Package,
    Provenance, Vulnerability,
};
use super::raw::{Text, configure, distribution, filled, identity, list, path, report, texts};
use super::{Repeats, Sketch, Wrong, time};

use self::finding::{RawLicence, RawMisconfiguration, RawPackage, RawSecret};
use self::vulnerability::RawVulnerability;
pub(super) use self::vulnerability::{Cvss, fix_state, scores, versions};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawReport<'a> {
    #[serde(rename = "SchemaVersion")]
    _schema_version: IgnoredAny,
    #[serde(borrow)]
    trivy: Option<RawTool<'a>>,
    #[serde(borrow)]
    created_at: Option<Text<'a>>,
    #[serde(borrow)]
    artifact_name: Option<Text<'a>>,
    #[serde(borrow)]
    artifact_type: Option<Text<'a>>,
    #[serde(borrow)]
    metadata: Option<RawMetadata<'a>>,
    #[serde(borrow)]
    results: Option<Vec<RawResult<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawTool<'a> {
    #[serde(borrow)]
    version: Option<Text<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawMetadata<'a> {
    size: Option<u64>,
    #[serde(borrow, rename = "OS")]
    os: Option<RawOs<'a>>,
    #[serde(borrow, rename = "ImageID")]
    image_id: Option<Text<'a>>,
    #[serde(rename = "DiffIDs")]
    diff_ids: Option<Vec<String>>,
    repo_tags: Option<Vec<String>>,
    repo_digests: Option<Vec<String>>,
    #[serde(borrow)]
    layers: Option<Vec<RawLayer<'a>>>,
    image_config: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawOs<'a> {
    #[serde(borrow)]
    family: Option<Text<'a>>,
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(rename = "EOSL")]
    end_of_life: Option<bool>,
}

/// `Size` is that of the uncompressed content, which the model does not have.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawLayer<'a> {
    #[serde(borrow)]
    digest: Option<Text<'a>>,
    #[serde(borrow, rename = "DiffID")]
    diff_id: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawResult<'a> {
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

pub(super) fn detect(sketch: &Sketch<'_>) -> bool {
    let others = ["ArtifactName", "ArtifactType", "Metadata", "Results"];
    others
        .iter()
        .any(|other| sketch.has(&["SchemaVersion", other]))
        || sketch.first_has(&["Target", "Vulnerabilities"])
        || sketch.first_has(&["Target", "Type"])
}

pub(super) fn read(text: &str) -> Result<Evidence, Wrong> {
    check_version(text)?;
    let raw: RawReport<'_> = report(text)?;
    let created = filled(raw.created_at).unwrap_or_default();
    let mut evidence = Evidence {
        reports: vec![Provenance {
            tool: "Trivy".to_owned(),
            version: raw.trivy.and_then(|tool| filled(tool.version)),
            scanned: time("CreatedAt", &created)?,
            ..Provenance::default()
        }],
        ..Evidence::default()
    };
    Results::default().add(&mut evidence, raw.results.unwrap_or_default())?;
    let is_image = raw
        .artifact_type
        .is_some_and(|kind| kind.0 == "container_image");
    let asked_for = filled(raw.artifact_name).filter(|_| is_image);
    describe(
        &mut evidence,
        raw.metadata.unwrap_or_default(),
        asked_for,
        text,
    )?;
    Ok(evidence)
}

/// Before all else: another version's report may differ in any way.
fn check_version(text: &str) -> Result<(), Wrong> {
    if text.trim_start().starts_with('[') {
        let reason = "a list is a report of schema version 1, of Trivy before 0.20; 2 is read";
        return Err(Wrong::at("the document", reason));
    }
    match sonic_rs::get(text, ["SchemaVersion"]) {
        Ok(version) if version.as_raw_str() != "2" => {
            let version: String = version.as_raw_str().chars().take(40).collect();
            let reason = format!("version {version} is not read; 2 is");
            Err(Wrong::at("SchemaVersion", reason))
        }
        _ => Ok(()),
    }
}

/// What the report says of the image itself.
fn describe(
    evidence: &mut Evidence,
    metadata: RawMetadata<'_>,
    asked_for: Option<String>,
    text: &str,
) -> Result<(), Wrong> {
    if metadata.image_config.is_some()
        && let Ok(raw) = sonic_rs::get(text, ["Metadata", "ImageConfig"])
    {
        let place = "Metadata.ImageConfig";
        configure(evidence, place, raw.as_raw_str(), metadata.size)?;
    }
    evidence.image = identity(
        texts(metadata.repo_tags),
        texts(metadata.repo_digests),
        asked_for,
        filled(metadata.image_id),
    );
    // End of life is found out with vulnerabilities; where it is not so, the key is left out.
    let looked = evidence.vulnerabilities.is_some();
    evidence.distribution = metadata.os.and_then(|os| {
        let name = filled(os.family).filter(|name| name != "none")?;
        Some(Distribution {
            end_of_life: os.end_of_life.or(looked.then_some(false)),
            ..distribution(&name, filled(os.name).as_deref())
        })
    });
    let of_diff_id = |id| Layer {
        diff_id: Some(id),
        ..Layer::default()
    };
    let diff_ids = metadata.diff_ids.map(|ids| texts(Some(ids)));
    let diff_ids = diff_ids.map(|ids| ids.into_iter().map(of_diff_id).collect());
    let layers = metadata.layers.map(|layers| {
        let layers = layers.into_iter().map(|layer| Layer {
            digest: filled(layer.digest),
            diff_id: filled(layer.diff_id),
            size: None,
        });
        layers.collect()
    });
    evidence.layers = layers.or(diff_ids).or(evidence.layers.take());
    Ok(())
}

#[derive(Default)]
struct Results {
    repeats: Repeats,
    /// Whether licences were looked for.
    licences: bool,
}

impl Results {
    fn add(mut self, evidence: &mut Evidence, results: Vec<RawResult<'_>>) -> Result<(), Wrong> {
        let classes = results.iter().filter_map(|result| result.class.as_ref());
        self.licences = classes
            .into_iter()
            .any(|class| class.0.starts_with("license"));
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

#[cfg(test)]
mod tests;
