//! Several reports about one image become one. What comes out depends on the reports only, not on their order.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::model::{
    Configuration, Distribution, Evidence, File, Identity, Layer, Package, Provenance, Reports,
    Scope, Severity, Statement, Vex, Vulnerability,
};
use super::query::is_os_kind;

/// Makes one of several reports about the same image. Of what one tool told several times the latest counts. What several say of the same thing is joined; who said it stays with it. VEX statements are applied: they set
/// [`Vulnerability::vex`] and delete nothing.
///
/// Each part has one report, or several that were merged before.
pub fn merge(parts: Vec<Evidence>) -> Evidence {
    let mut merged = Evidence::default();
    for part in latest(parts) {
        merged.join(part);
    }
    merged.apply_statements();
    merged.sort();
    merged
}

/// Why reports do not belong together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// They are about different images.
    #[error("the reports are about different images: {0} and {1}")]
    Several(String, String),
    /// They are about another image than somebody says.
    #[error("the report is about {told}, not about {named}")]
    Other {
        /// What it says.
        told: String,
        /// What somebody says.
        named: String,
    },
}

/// Reports that came together are about one image: `named`, if somebody says so, whatever they call it themselves; else
/// what the others name, for one that names none itself. By a digest or an id they must not contradict each other.
pub fn identify(parts: &mut [Evidence], named: Option<&str>) -> Result<(), IdentityError> {
    let mut all = Identity::default();
    for part in parts.iter() {
        if let Some((told, other)) = all.contradicts(&part.image) {
            return Err(IdentityError::Several(told, other));
        }
        all.join(part.image.clone());
    }
    let digest = named.and_then(|named| named.split_once('@'));
    if let Some((_, digest)) = digest
        && let Some(told) = all.digests.first()
        && !all.digests.iter().any(|known| known == digest)
    {
        return Err(IdentityError::Other {
            told: told.clone(),
            named: digest.to_owned(),
        });
    }
    for part in parts {
        if part.image.is_empty() {
            part.image = all.clone();
        }
        if let Some(named) = named {
            part.image.names.clear();
            let digest = digest.map(|(_, digest)| digest.to_owned());
            part.image.add(named.to_owned(), digest);
        }
    }
    Ok(())
}

/// Kept reports beside those that are judged now: what the latter tell, the former do not tell against them, and what is
/// about another build is left out.
pub fn beside(own: &[std::sync::Arc<Evidence>], kept: Vec<Evidence>) -> Vec<Evidence> {
    let mut beside = Vec::new();
    for mut part in kept {
        let is_other = own
            .iter()
            .any(|own| own.image.contradicts(&part.image).is_some());
        if is_other {
            continue;
        }
        let family = part.family();
        for own in own.iter().filter(|own| own.family() == family) {
            part.leave_to(own);
        }
        if part.tells_anything() {
            beside.push(part);
        }
    }
    beside
}

/// What counts of each family, in an order of their own: of what several tell, the latest.
fn latest(parts: Vec<Evidence>) -> Vec<Evidence> {
    let mut families: BTreeMap<String, Vec<Evidence>> = BTreeMap::new();
    for part in parts {
        families.entry(part.family()).or_default().push(part);
    }
    let mut counting = Vec::new();
    for mut family in families.into_values() {
        family.sort_by(|one, other| other.rank().cmp(&one.rank()));
        let mut newer: Vec<Evidence> = Vec::new();
        for mut part in family {
            for newer in &newer {
                part.leave_to(newer);
            }
            if newer.is_empty() || part.tells_anything() {
                newer.push(part);
            }
        }
        counting.extend(newer);
    }
    counting
}

/// Says of every item that the first report says so.
pub(super) fn claim(evidence: &mut Evidence) {
    for reports in evidence.claims() {
        *reports = Reports::from([0]);
    }
}

impl Evidence {
    /// Whose word it is: format, tool, and for benchmarks what was run; documents of statements are each their own.
    fn family(&self) -> String {
        let mut names: Vec<String> = self
            .reports
            .iter()
            .map(|report| format!("{} {}", report.format, report.tool))
            .collect();
        names.sort();
        names.dedup();
        let mut runs: Vec<String> = self
            .benchmarks
            .iter()
            .flatten()
            .map(|run| format!(" {} {}", run.id, run.profile.as_deref().unwrap_or_default()))
            .collect();
        runs.sort();
        runs.dedup();
        let only_statements = self.statements.is_some() && self.kinds().is_empty();
        let digests = self.reports.iter().filter(|_| only_statements);
        let digests: String = digests.map(|report| report.digest.as_str()).collect();
        format!("{}{}{digests}", names.join("+"), runs.concat())
    }

    /// What names the same look at the same things: a later report of the same lineage about the same image takes the
    /// place of an earlier one. A tool that looks for secrets does not take back what it said of vulnerabilities, nor one
    /// that looks at a language's packages what it said of the distribution's.
    pub fn lineage(&self) -> String {
        let kinds = self.kinds().join(",");
        match self.scope() {
            Scope::All => format!("{} {kinds}", self.family()),
            scope => format!("{} {kinds} {}", self.family(), scope.as_str()),
        }
    }

    /// Which packages all its reports are about.
    fn scope(&self) -> Scope {
        let mut scopes = self.reports.iter().map(|report| report.scope);
        let first = scopes.next().unwrap_or_default();
        if scopes.all(|scope| scope == first) {
            first
        } else {
            Scope::All
        }
    }

    /// Leaves out what a newer report of the same family tells, too.
    fn leave_to(&mut self, newer: &Evidence) {
        self.leave_sections(newer);
        let kinds = self.kinds();
        for report in &mut self.reports {
            report.kinds.retain(|kind| kinds.contains(&kind.as_str()));
        }
    }

    fn leave_sections(&mut self, newer: &Evidence) {
        /// Of packages, only those that the newer report is about.
        fn leave_packages<T>(
            own: &mut Option<Vec<T>>,
            newer: &Option<Vec<T>>,
            scope: Scope,
            kind: impl Fn(&T) -> &str,
        ) {
            if newer.is_none() {
                return;
            }
            if let Some(items) = own {
                items.retain(|item| match scope {
                    Scope::All => false,
                    Scope::System => !is_os_kind(kind(item)),
                    Scope::Language => is_os_kind(kind(item)),
                });
            }
            if own.as_ref().is_some_and(Vec::is_empty) {
                *own = None;
            }
        }
        fn leave<T>(own: &mut Option<T>, newer: &Option<T>) {
            if newer.is_some() {
                *own = None;
            }
        }
        let Evidence {
            image: _,
            reports: _,
            distribution,
            configuration,
            layers,
            history,
            dockerfile,
            packages,
            vulnerabilities,
            statements,
            benchmarks,
            rules,
            secrets,
            misconfigurations,
            licences,
            files,
            malware,
        } = newer;
        leave(&mut self.distribution, distribution);
        leave(&mut self.configuration, configuration);
        leave(&mut self.layers, layers);
        leave(&mut self.history, history);
        leave(&mut self.dockerfile, dockerfile);
        let scope = newer.scope();
        leave_packages(&mut self.packages, packages, scope, |item| &item.kind);
        leave_packages(&mut self.vulnerabilities, vulnerabilities, scope, |item| {
            &item.kind
        });
        leave(&mut self.statements, statements);
        leave(&mut self.benchmarks, benchmarks);
        leave(&mut self.rules, rules);
        leave(&mut self.secrets, secrets);
        leave(&mut self.misconfigurations, misconfigurations);
        leave(&mut self.licences, licences);
        leave(&mut self.files, files);
        leave(&mut self.malware, malware);
    }

    fn tells_anything(&self) -> bool {
        self.statements.is_some() || !self.kinds().is_empty()
    }

    /// When the image was looked at; when the host got the report, where it does not tell.
    pub fn time(&self) -> Option<Timestamp> {
        let times = self.reports.iter();
        times.filter_map(Provenance::time).max()
    }

    /// Of two reports of one lineage the greater one counts.
    fn rank(&self) -> (Option<Timestamp>, Vec<&str>) {
        let digests = self.reports.iter().map(|report| report.digest.as_str());
        (self.time(), digests.collect())
    }

    /// Adds what another report says.
    fn join(&mut self, mut other: Evidence) {
        let shift = u32::try_from(self.reports.len()).unwrap_or(u32::MAX);
        if shift > 0 {
            for reports in other.claims() {
                *reports = reports.iter().map(|index| index + shift).collect();
            }
        }
        let is_newer = other.time() >= self.time();
        let Evidence {
            image,
            reports,
            distribution,
            configuration,
            layers,
            history,
            dockerfile,
            packages,
            vulnerabilities,
            statements,
            benchmarks,
            rules,
            secrets,
            misconfigurations,
            licences,
            files,
            malware,
        } = other;
        self.image.join(image);
        self.reports.extend::<Vec<Provenance>>(reports);
        self.distribution = both(self.distribution.take(), distribution, |one, other| {
            one.join(other, is_newer)
        });
        self.configuration = both(self.configuration.take(), configuration, |one, other| {
            one.join(other, is_newer)
        });
        self.layers = both(self.layers.take(), layers, |one, other| {
            join_layers(one, other, is_newer)
        });
        self.history = both(self.history.take(), history, |one, other| {
            choose(one, other, is_newer)
        });
        self.dockerfile = both(self.dockerfile.take(), dockerfile, |one, other| {
            choose(one, other, is_newer)
        });
        self.packages = both(self.packages.take(), packages, |one, other| {
            join_by(one, other, package_key, Package::join)
        });
        self.vulnerabilities = both(
            self.vulnerabilities.take(),
            vulnerabilities,
            |one, other| join_by(one, other, vulnerability_key, Vulnerability::join),
        );
        self.files = both(self.files.take(), files, |one, other| {
            join_by(one, other, |file| file.path.clone(), File::join)
        });
        // What two tools say of a rule, a secret or a licence is not the same thing: their names differ.
        self.statements = both(self.statements.take(), statements, append);
        self.benchmarks = both(self.benchmarks.take(), benchmarks, append);
        self.rules = both(self.rules.take(), rules, append);
        self.secrets = both(self.secrets.take(), secrets, append);
        self.misconfigurations = both(self.misconfigurations.take(), misconfigurations, append);
        self.licences = both(self.licences.take(), licences, append);
        self.malware = both(self.malware.take(), malware, append);
    }

    /// Who says so, of every item.
    fn claims(&mut self) -> Vec<&mut Reports> {
        let mut claims: Vec<&mut Reports> = Vec::new();
        claims.extend(self.distribution.iter_mut().map(|item| &mut item.reports));
        claims.extend(self.configuration.iter_mut().map(|item| &mut item.reports));
        let lists = self.packages.iter_mut().flatten();
        claims.extend(lists.map(|item| &mut item.reports));
        let lists = self.vulnerabilities.iter_mut().flatten();
        claims.extend(lists.map(|item| &mut item.reports));
        let lists = self.statements.iter_mut().flatten();
        claims.extend(lists.map(|item| &mut item.reports));
        let lists = self.benchmarks.iter_mut().flatten();
        claims.extend(lists.map(|item| &mut item.reports));
        let lists = self.rules.iter_mut().flatten();
        claims.extend(lists.map(|item| &mut item.reports));
        let lists = self.secrets.iter_mut().flatten();
        claims.extend(lists.map(|item| &mut item.reports));
        let lists = self.misconfigurations.iter_mut().flatten();
        claims.extend(lists.map(|item| &mut item.reports));
        let lists = self.licences.iter_mut().flatten();
        claims.extend(lists.map(|item| &mut item.reports));
        let lists = self.files.iter_mut().flatten();
        claims.extend(lists.map(|item| &mut item.reports));
        let lists = self.malware.iter_mut().flatten();
        claims.extend(lists.map(|item| &mut item.reports));
        claims
    }

    /// The order in which policies are told.
    fn sort(&mut self) {
        if let Some(found) = &mut self.vulnerabilities {
            found.sort_by(|a, b| {
                b.severity.cmp(&a.severity).then_with(|| {
                    (&a.id, &a.package, &a.locations).cmp(&(&b.id, &b.package, &b.locations))
                })
            });
        }
        if let Some(found) = &mut self.packages {
            found.sort_by(|a, b| {
                (&a.kind, &a.name, &a.version, &a.locations).cmp(&(
                    &b.kind,
                    &b.name,
                    &b.version,
                    &b.locations,
                ))
            });
        }
        if let Some(found) = &mut self.rules {
            found.sort_by(|a, b| {
                b.severity
                    .cmp(&a.severity)
                    .then_with(|| (&a.id, &a.profile).cmp(&(&b.id, &b.profile)))
            });
        }
        if let Some(found) = &mut self.files {
            found.sort_by(|a, b| a.path.cmp(&b.path));
        }
    }

    /// Sets the status of each vulnerability that a statement is about. Of several, the latest counts.
    fn apply_statements(&mut self) {
        let Some(statements) = &self.statements else {
            return;
        };
        let mut by_id: BTreeMap<&str, Vec<&Statement>> = BTreeMap::new();
        for statement in statements {
            for id in &statement.vulnerabilities {
                by_id.entry(id).or_default().push(statement);
            }
        }
        for found in self.vulnerabilities.iter_mut().flatten() {
            let ids: Vec<&str> = found.ids().collect();
            let about = ids.iter().filter_map(|id| by_id.get(id)).flatten();
            let latest = about
                .filter(|statement| statement.concerns(&self.image, found))
                .map(|statement| &statement.vex)
                .chain(found.vex.as_ref())
                .max_by(|one, other| (one.time, *one).cmp(&(other.time, *other)))
                .cloned();
            found.vex = latest;
        }
    }
}

impl Statement {
    /// Whether it is about this vulnerability's package in this image.
    fn concerns(&self, image: &Identity, found: &Vulnerability) -> bool {
        let is_package = |name: &String| {
            found
                .purl
                .as_deref()
                .is_some_and(|purl| same_purl(name, purl))
        };
        let is_image = |name: &String| {
            image.names.contains(name)
                || image
                    .digests
                    .iter()
                    .any(|digest| names_digest(name, digest))
        };
        let product = self.products.is_empty()
            || self
                .products
                .iter()
                .any(|name| is_package(name) || is_image(name));
        // A part is one of the product's packages.
        product && (self.parts.is_empty() || self.parts.iter().any(is_package))
    }
}

/// `sha256:…` as such, in an image reference, or in a package URL of type `oci` (where the colon may be escaped).
fn names_digest(name: &str, digest: &str) -> bool {
    let escaped = digest.replace(':', "%3A");
    name == digest
        || name.contains(&format!("@{digest}"))
        || name.contains(&format!("@{escaped}"))
        || name.contains(&format!("@{}", escaped.to_lowercase()))
}

/// Whether a package URL in a statement means the package of another: the same but for qualifiers and subpath, which
/// tools add as they like; without a version, any.
fn same_purl(wanted: &str, purl: &str) -> bool {
    let bare = |text: &str| {
        let end = text.find(['?', '#']).unwrap_or(text.len());
        text.get(..end)
            .unwrap_or(text)
            .replace("%3A", ":")
            .replace("%2B", "+")
    };
    let (wanted, purl) = (bare(wanted), bare(purl));
    if !wanted.starts_with("pkg:") {
        return false;
    }
    // A scoped npm package has an `@` of its own at the beginning of a segment.
    let has_version = wanted
        .rfind('@')
        .is_some_and(|at| !wanted.get(..at).unwrap_or_default().ends_with('/'));
    match purl.strip_prefix(wanted.as_str()) {
        Some("") => true,
        Some(rest) => !has_version && rest.starts_with('@'),
        None => false,
    }
}

impl Identity {
    /// By what two reports cannot be about the same image: digests of which none is in both; where one has none, the ids.
    pub fn contradicts(&self, other: &Identity) -> Option<(String, String)> {
        if let (Some(one), Some(another)) = (self.digests.first(), other.digests.first()) {
            let share = self.digests.iter().any(|own| other.digests.contains(own));
            return (!share).then(|| (one.clone(), another.clone()));
        }
        match (&self.id, &other.id) {
            (Some(one), Some(another)) if one != another => Some((one.clone(), another.clone())),
            _ => None,
        }
    }

    fn join(&mut self, other: Identity) {
        let Identity { names, digests, id } = other;
        union(&mut self.names, names);
        union(&mut self.digests, digests);
        self.id = self.id.take().max(id);
    }
}

impl Distribution {
    fn join(self, other: Distribution, other_is_newer: bool) -> Distribution {
        let reports = &self.reports | &other.reports;
        let (main, rest) = ordered(self, other, other_is_newer);
        let like = if main.like.is_empty() {
            rest.like
        } else {
            main.like
        };
        Distribution {
            version: main
                .version
                .or(rest.version.filter(|_| rest.name == main.name)),
            like,
            end_of_life: main.end_of_life.or(rest.end_of_life),
            name: main.name,
            reports,
        }
    }
}

impl Configuration {
    fn join(self, other: Configuration, other_is_newer: bool) -> Configuration {
        let reports = &self.reports | &other.reports;
        let (main, rest) = ordered(self, other, other_is_newer);
        // A digest has one configuration; but some tools tell only a part of it.
        Configuration {
            created: main.created.or(rest.created),
            architecture: main.architecture.or(rest.architecture),
            os: main.os.or(rest.os),
            size: main.size.or(rest.size),
            reports,
            ..main
        }
    }
}

impl Package {
    fn join(&mut self, other: Package) {
        union(&mut self.locations, other.locations);
        self.licences = both(self.licences.take(), other.licences, |mut one, other| {
            union(&mut one, other);
            one
        });
        fill(&mut self.purl, other.purl);
        fill(&mut self.origin, other.origin);
        fill(&mut self.source, other.source);
        fill(&mut self.layer, other.layer);
        self.reports.extend(other.reports);
    }
}

impl Vulnerability {
    /// The one that both mean by its CVE id, if there is exactly one.
    fn canonical(&self) -> &str {
        let mut ids = self.ids().filter(|id| id.starts_with("CVE-"));
        match (ids.next(), ids.next()) {
            (Some(only), None) => only,
            _ => &self.id,
        }
    }

    fn join(&mut self, other: Vulnerability) {
        if self.id != other.id {
            let canonical = self.canonical().to_owned();
            let mut ids = vec![self.id.clone(), other.id.clone()];
            ids.retain(|id| *id != canonical);
            union(&mut self.aliases, ids);
            self.id = canonical;
        }
        let mut aliases = other.aliases;
        aliases.retain(|id| *id != self.id);
        self.aliases.retain(|id| *id != self.id);
        union(&mut self.aliases, aliases);
        if worse(
            (other.severity, &other.severity_source, &other.severity_text),
            (self.severity, &self.severity_source, &self.severity_text),
        ) {
            self.severity = other.severity;
            self.severity_source = other.severity_source;
            self.severity_text = other.severity_text;
        }
        union(&mut self.locations, other.locations);
        union(&mut self.fixed, other.fixed);
        self.fix_state = self.fix_state.max(other.fix_state);
        for score in other.scores {
            if !self.scores.contains(&score) {
                self.scores.push(score);
            }
        }
        self.epss = greater(self.epss, other.epss);
        self.exploited = self.exploited.max(other.exploited);
        fill(&mut self.installed, other.installed);
        fill(&mut self.purl, other.purl);
        fill(&mut self.layer, other.layer);
        fill(&mut self.title, other.title);
        for link in other.links {
            if !self.links.contains(&link) {
                self.links.push(link);
            }
        }
        self.published = earlier(self.published, other.published);
        self.fixed_at = earlier(self.fixed_at, other.fixed_at);
        self.first_seen = earlier(self.first_seen, other.first_seen);
        self.vex = later(self.vex.take(), other.vex);
        self.reports.extend(other.reports);
    }
}

impl File {
    fn join(&mut self, other: File) {
        fill(&mut self.mode, other.mode);
        fill(&mut self.uid, other.uid);
        fill(&mut self.gid, other.gid);
        fill(&mut self.size, other.size);
        self.checksums.extend(other.checksums);
        self.matches = both(self.matches.take(), other.matches, |mut one, other| {
            union(&mut one, other);
            one
        });
        fill(&mut self.content, other.content);
        self.reports.extend(other.reports);
    }
}

/// Where an operating system's package lies is always the same; tools differ in what they say of it.
fn place(kind: &str, locations: &[String]) -> String {
    if is_os_kind(kind) || kind.is_empty() {
        String::new()
    } else {
        locations.join("\n")
    }
}

fn package_key(package: &Package) -> (String, String, Option<String>, String) {
    let place = place(&package.kind, &package.locations);
    (
        package.kind.clone(),
        package.name.clone(),
        package.version.clone(),
        place,
    )
}

fn vulnerability_key(found: &Vulnerability) -> (String, String, Option<String>, String) {
    let place = place(&found.kind, &found.locations);
    (
        found.canonical().to_owned(),
        found.package.clone(),
        found.installed.clone(),
        place,
    )
}

/// Joins two lists by key. What one list has twice stays twice.
fn join_by<T, K: Ord>(
    mut one: Vec<T>,
    other: Vec<T>,
    key: impl Fn(&T) -> K,
    join: impl Fn(&mut T, T),
) -> Vec<T> {
    let mut places: BTreeMap<K, Vec<usize>> = BTreeMap::new();
    for (index, item) in one.iter().enumerate().rev() {
        places.entry(key(item)).or_default().push(index);
    }
    for item in other {
        let known = places.get_mut(&key(&item)).and_then(Vec::pop);
        match known.and_then(|index| one.get_mut(index)) {
            Some(known) => join(known, item),
            None => one.push(item),
        }
    }
    one
}

/// A configuration tells the layers' content, a manifest their blobs.
fn join_layers(one: Vec<Layer>, other: Vec<Layer>, other_is_newer: bool) -> Vec<Layer> {
    if one.len() != other.len() {
        return choose(one, other, other_is_newer);
    }
    let (main, rest) = ordered(one, other, other_is_newer);
    let pairs = main.into_iter().zip(rest);
    pairs
        .map(|(main, rest)| Layer {
            digest: main.digest.or(rest.digest),
            diff_id: main.diff_id.or(rest.diff_id),
            size: main.size.or(rest.size),
        })
        .collect()
}

fn both<T>(one: Option<T>, other: Option<T>, join: impl FnOnce(T, T) -> T) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(join(one, other)),
        (one, other) => one.or(other),
    }
}

fn append<T>(mut one: Vec<T>, other: Vec<T>) -> Vec<T> {
    one.extend(other);
    one
}

/// Of two lists of which only one can be right, the newer one that is not empty.
fn choose<T>(one: Vec<T>, other: Vec<T>, other_is_newer: bool) -> Vec<T> {
    let (main, rest) = ordered(one, other, other_is_newer);
    if main.is_empty() { rest } else { main }
}

fn ordered<T>(one: T, other: T, other_is_newer: bool) -> (T, T) {
    if other_is_newer {
        (other, one)
    } else {
        (one, other)
    }
}

fn union(one: &mut Vec<String>, other: Vec<String>) {
    one.extend(other);
    one.sort();
    one.dedup();
}

fn fill<T>(one: &mut Option<T>, other: Option<T>) {
    if one.is_none() {
        *one = other;
    }
}

type Judgement<'a> = (Severity, &'a Option<String>, &'a Option<String>);

fn worse(one: Judgement<'_>, other: Judgement<'_>) -> bool {
    one > other
}

fn greater(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    both(one, other, f64::max)
}

fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    both(one, other, std::cmp::min)
}

fn later(one: Option<Vex>, other: Option<Vex>) -> Option<Vex> {
    both(one, other, |one, other| {
        if (other.time, &other) > (one.time, &one) {
            other
        } else {
            one
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(json: serde_json::Value) -> Evidence {
        let mut evidence: Evidence = serde_json::from_value(json).unwrap();
        claim(&mut evidence);
        evidence
    }

    fn report(tool: &str, scanned: &str) -> serde_json::Value {
        serde_json::json!([{"format": tool, "tool": tool, "scanned": scanned, "digest": format!("sha256:{tool}{scanned}")}])
    }

    #[test]
    fn two_scanners_say_more_than_one() {
        let trivy = part(serde_json::json!({
            "reports": report("trivy", "2026-01-01T00:00:00Z"),
            "vulnerabilities": [
                {"id": "CVE-2026-1", "package": "openssl", "kind": "deb", "installed": "3.0", "severity": "high", "severitySource": "debian"},
                {"id": "CVE-2026-2", "package": "zlib", "kind": "deb", "installed": "1.2", "severity": "low"}],
            "layers": [{"diffId": "sha256:a"}]}));
        let grype = part(serde_json::json!({
            "reports": report("grype", "2026-01-02T00:00:00Z"),
            "vulnerabilities": [
                {"id": "GHSA-1", "aliases": ["CVE-2026-1"], "package": "openssl", "kind": "deb", "installed": "3.0", "severity": "critical",
                 "locations": ["/var/lib/dpkg/status"], "fixed": ["3.1"], "fixState": "fixed"}],
            "layers": [{"digest": "sha256:b"}], "secrets": []}));
        let merged = merge(vec![trivy.clone(), grype.clone()]);
        assert_eq!(merged, merge(vec![grype, trivy]));
        let found = merged.vulnerabilities.as_ref().unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(
            (found[0].id.as_str(), found[0].severity),
            ("CVE-2026-1", Severity::Critical)
        );
        assert_eq!(found[0].aliases, ["GHSA-1"]);
        assert_eq!(found[0].reports, Reports::from([0, 1]));
        assert_eq!(found[1].reports.len(), 1);
        assert_eq!(merged.secrets, Some(Vec::new()));
        assert_eq!(merged.packages, None);
        let layer = &merged.layers.as_ref().unwrap()[0];
        assert_eq!(
            (layer.digest.as_deref(), layer.diff_id.as_deref()),
            (Some("sha256:b"), Some("sha256:a"))
        );
    }

    #[test]
    fn a_later_scan_takes_the_place_of_an_earlier_one() {
        let scan = |day: &str, ids: &[&str]| {
            let found: Vec<_> = ids
                .iter()
                .map(|id| serde_json::json!({"id": id, "package": "a"}))
                .collect();
            part(serde_json::json!({"reports": report("trivy", day), "vulnerabilities": found}))
        };
        let (old, new) = (
            scan("2026-01-01T00:00:00Z", &["CVE-1", "CVE-2"]),
            scan("2026-01-02T00:00:00Z", &["CVE-2"]),
        );
        for parts in [vec![old.clone(), new.clone()], vec![new, old]] {
            let merged = merge(parts);
            let ids: Vec<&str> = merged
                .vulnerabilities
                .iter()
                .flatten()
                .map(|found| found.id.as_str())
                .collect();
            assert_eq!(ids, ["CVE-2"]);
            assert_eq!(merged.reports.len(), 1);
        }
    }

    #[test]
    fn a_look_for_secrets_takes_back_nothing_about_vulnerabilities() {
        let old = part(
            serde_json::json!({"reports": report("trivy", "2026-01-01T00:00:00Z"),
            "vulnerabilities": [{"id": "CVE-1", "package": "a"}], "secrets": [{"rule": "old", "path": "/a"}]}),
        );
        let new = part(
            serde_json::json!({"reports": report("trivy", "2026-01-02T00:00:00Z"), "secrets": []}),
        );
        assert_ne!(old.lineage(), new.lineage());
        for parts in [vec![old.clone(), new.clone()], vec![new, old]] {
            let merged = merge(parts);
            assert_eq!(merged.vulnerabilities.map(|found| found.len()), Some(1));
            assert_eq!(merged.secrets, Some(Vec::new()));
            assert_eq!(merged.reports.len(), 2);
        }
    }

    #[test]
    fn a_look_at_some_packages_does_not_take_back_what_was_said_of_others() {
        let trivy = |time: &str, scope: &str, found: serde_json::Value| {
            let mut reports = report("trivy", time);
            reports[0]["scope"] = scope.into();
            reports[0]["kinds"] = serde_json::json!(["vulnerabilities"]);
            part(serde_json::json!({"reports": reports, "vulnerabilities": found}))
        };
        let system = serde_json::json!({"id": "CVE-1", "package": "openssl", "kind": "deb"});
        let language = serde_json::json!({"id": "CVE-2", "package": "lodash", "kind": "npm"});
        let (first, second) = ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z");
        let both = serde_json::json!([system, language]);
        let none = serde_json::json!([]);
        for (name, old, new, left) in [
            (
                "all, then all",
                trivy(first, "all", both.clone()),
                trivy(second, "all", none.clone()),
                vec![],
            ),
            (
                "all, then one language",
                trivy(first, "all", both.clone()),
                trivy(second, "language", none.clone()),
                vec!["CVE-1"],
            ),
            (
                "all, then the system",
                trivy(first, "all", both),
                trivy(second, "system", none.clone()),
                vec!["CVE-2"],
            ),
            (
                "the system, then a language",
                trivy(first, "system", serde_json::json!([system])),
                trivy(second, "language", serde_json::json!([language])),
                vec!["CVE-1", "CVE-2"],
            ),
            (
                "the system, then all",
                trivy(first, "system", serde_json::json!([system])),
                trivy(second, "all", none),
                vec![],
            ),
        ] {
            let merged = merge(vec![new, old]);
            let ids: Vec<String> = merged
                .vulnerabilities
                .into_iter()
                .flatten()
                .map(|found| found.id)
                .collect();
            assert_eq!(ids, left, "{name}");
            // A report of which nothing counts any more makes nothing look younger or older.
            let telling = merged
                .reports
                .iter()
                .filter(|report| !report.kinds.is_empty());
            assert_eq!(
                telling.count(),
                if left.is_empty() || name == "all, then all" {
                    1
                } else {
                    2
                },
                "{name}"
            );
        }
    }

    #[test]
    fn every_report_says_what_it_tells() {
        let mut one =
            part(serde_json::json!({"reports": [{"tool": "a"}], "secrets": [], "files": []}));
        one.attribute();
        assert_eq!(one.reports[0].kinds, ["secrets", "files"]);
        let mut two: Evidence = serde_json::from_value(serde_json::json!({
            "reports": [{"tool": "a"}, {"tool": "b"}, {"tool": "c", "kinds": ["layers"]}],
            "packages": [{"name": "x", "reports": [1]}],
            "secrets": [{"rule": "y", "path": "/z", "reports": [0, 1, 2]}],
            "files": []}))
        .unwrap();
        two.attribute();
        let kinds: Vec<String> = two
            .reports
            .iter()
            .map(|report| report.kinds.join(" "))
            .collect();
        assert_eq!(kinds, ["secrets", "packages secrets", "layers"]);
    }

    #[test]
    fn a_statement_changes_the_status_and_deletes_nothing() {
        let scan = part(serde_json::json!({
            "image": {"names": ["web:1"], "digests": ["sha256:abc"]},
            "reports": report("trivy", "2026-01-01T00:00:00Z"),
            "vulnerabilities": [
                {"id": "CVE-1", "package": "openssl", "purl": "pkg:deb/debian/openssl@3.0?arch=amd64"},
                {"id": "CVE-1", "package": "libssl3", "purl": "pkg:deb/debian/libssl3@3.0?arch=amd64"},
                {"id": "CVE-2", "package": "openssl", "purl": "pkg:deb/debian/openssl@3.0"}]}));
        let says = |vulnerability: &str,
                    products: &[&str],
                    parts: &[&str],
                    status: &str,
                    time: &str| {
            serde_json::json!({"vulnerabilities": [vulnerability], "products": products, "parts": parts, "vex": {"status": status, "time": time}})
        };
        for (name, statement, expected) in [
            (
                "about everything",
                says("CVE-1", &[], &[], "not_affected", "2026-01-01T00:00:00Z"),
                [true, true, false],
            ),
            (
                "about a package",
                says(
                    "CVE-1",
                    &["pkg:deb/debian/openssl"],
                    &[],
                    "not_affected",
                    "2026-01-01T00:00:00Z",
                ),
                [true, false, false],
            ),
            (
                "about another version",
                says(
                    "CVE-1",
                    &["pkg:deb/debian/openssl@2.0"],
                    &[],
                    "not_affected",
                    "2026-01-01T00:00:00Z",
                ),
                [false; 3],
            ),
            (
                "about a part of the image",
                says(
                    "CVE-1",
                    &["pkg:oci/web@sha256%3Aabc"],
                    &["pkg:deb/debian/libssl3@3.0"],
                    "fixed",
                    "2026-01-01T00:00:00Z",
                ),
                [false, true, false],
            ),
            (
                "about another image",
                says(
                    "CVE-1",
                    &["pkg:oci/web@sha256:def"],
                    &[],
                    "fixed",
                    "2026-01-01T00:00:00Z",
                ),
                [false; 3],
            ),
            (
                "about something that is called alike",
                says(
                    "CVE-1",
                    &["pkg:deb/debian/open"],
                    &[],
                    "fixed",
                    "2026-01-01T00:00:00Z",
                ),
                [false; 3],
            ),
        ] {
            let vex = part(
                serde_json::json!({"reports": report("openvex", "2026-01-01T00:00:00Z"), "statements": [statement]}),
            );
            let merged = merge(vec![scan.clone(), vex]);
            let mut found = merged.vulnerabilities.unwrap();
            found.sort_by(|a, b| {
                (&a.id, std::cmp::Reverse(&a.package)).cmp(&(&b.id, std::cmp::Reverse(&b.package)))
            });
            let status: Vec<bool> = found.iter().map(|found| found.vex.is_some()).collect();
            assert_eq!(status, expected, "{name}");
        }
    }
}
