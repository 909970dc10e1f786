//! Evidence in the interface's types. The SDK's fake includes this file, so that it tells what the host tells.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::model;
use super::wit;

/// Evidence of one image, and how it was found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known<'a> {
    /// What is known.
    pub(crate) evidence: &'a model::Evidence,
    /// How it was found.
    pub(crate) found_by: wit::FoundBy,
    /// The decision's time.
    pub(crate) now: Timestamp,
}

impl Known<'_> {
    pub(crate) fn summary(&self) -> wit::Overview {
        let evidence = self.evidence;
        wit::Overview {
            found_by: self.found_by,
            digests: evidence.image.digests.clone(),
            names: evidence.image.names.clone(),
            id: evidence.image.id.clone(),
            reports: evidence
                .reports
                .iter()
                .map(|report| self.provenance(report))
                .collect(),
            kinds: evidence.kinds().into_iter().map(str::to_owned).collect(),
            severities: evidence
                .severities()
                .map(|(severity, count)| (severity.into(), count))
                .to_vec(),
            fixable: evidence.fixable(),
        }
    }

    pub(crate) fn vulnerabilities(
        &self,
        filter: wit::VulnerabilityFilter,
        window: wit::Window,
    ) -> Result<Option<wit::VulnerabilityPage>, String> {
        let (without, links) = (filter.without, filter.max_links);
        let links = links.map_or(usize::MAX, |most| most as usize);
        let query = model::VulnerabilityQuery::try_from(filter)?;
        let page = model::ask(
            self.evidence.vulnerabilities.as_deref(),
            &query,
            window.into(),
        );
        Ok(page.map(|page| {
            let items = page.items.into_iter();
            wit::VulnerabilityPage {
                total: page.total,
                items: items.map(|item| told(item, without, links)).collect(),
            }
        }))
    }

    pub(crate) fn packages(
        &self,
        filter: wit::PackageFilter,
        window: wit::Window,
    ) -> Option<wit::PackagePage> {
        let query = model::PackageQuery::from(filter);
        let page = model::ask(self.evidence.packages.as_deref(), &query, window.into())?;
        Some(wit::PackagePage {
            total: page.total,
            items: all(page.items),
        })
    }

    pub(crate) fn rule_results(
        &self,
        filter: wit::RuleFilter,
        window: wit::Window,
    ) -> Option<wit::RulePage> {
        let query = model::RuleQuery::from(filter);
        let page = model::ask(self.evidence.rules.as_deref(), &query, window.into())?;
        Some(wit::RulePage {
            total: page.total,
            items: all(page.items),
        })
    }

    pub(crate) fn files(
        &self,
        filter: wit::FileFilter,
        window: wit::Window,
    ) -> Option<wit::FilePage> {
        let query = model::FileQuery::from(filter);
        let page = model::ask(self.evidence.files.as_deref(), &query, window.into())?;
        Some(wit::FilePage {
            total: page.total,
            items: all(page.items),
        })
    }

    pub(crate) fn secrets(&self, window: wit::Window) -> Option<wit::SecretPage> {
        let page = model::Window::from(window).of(self.evidence.secrets.as_ref()?);
        Some(wit::SecretPage {
            total: page.total,
            items: all(page.items),
        })
    }

    pub(crate) fn misconfigurations(
        &self,
        window: wit::Window,
    ) -> Option<wit::MisconfigurationPage> {
        let page = model::Window::from(window).of(self.evidence.misconfigurations.as_ref()?);
        Some(wit::MisconfigurationPage {
            total: page.total,
            items: all(page.items),
        })
    }

    pub(crate) fn licences(&self, window: wit::Window) -> Option<wit::LicencePage> {
        let page = model::Window::from(window).of(self.evidence.licences.as_ref()?);
        Some(wit::LicencePage {
            total: page.total,
            items: all(page.items),
        })
    }

    fn provenance(&self, report: &model::Provenance) -> wit::Provenance {
        let model::Provenance {
            format,
            tool,
            version,
            database,
            scanned,
            received,
            digest,
            kinds,
            scope,
        } = report;
        let age = report
            .time()
            .map(|then| self.now.duration_since(then).as_secs());
        wit::Provenance {
            format: format.clone(),
            tool: tool.clone(),
            version: version.clone(),
            database: written(*database),
            scanned: written(*scanned),
            received: written(*received),
            // A report from the future is fresh.
            age: age.map(|seconds| u64::try_from(seconds).unwrap_or(0)),
            digest: digest.clone(),
            kinds: kinds.clone(),
            scope: match scope {
                model::Scope::All => wit::PackageScope::All,
                model::Scope::System => wit::PackageScope::System,
                model::Scope::Language => wit::PackageScope::Language,
            },
        }
    }
}

/// Items in the interface's types.
pub(crate) fn all<'a, T: 'a, U: From<&'a T>>(items: impl IntoIterator<Item = &'a T>) -> Vec<U> {
    items.into_iter().map(U::from).collect()
}

fn written(time: Option<Timestamp>) -> Option<String> {
    time.map(|time| time.to_string())
}

fn pairs(map: &BTreeMap<String, String>) -> Vec<(String, String)> {
    map.iter()
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

impl From<model::Severity> for wit::Severity {
    fn from(severity: model::Severity) -> wit::Severity {
        match severity {
            model::Severity::Unknown => wit::Severity::Unknown,
            model::Severity::Negligible => wit::Severity::Negligible,
            model::Severity::Low => wit::Severity::Low,
            model::Severity::Medium => wit::Severity::Medium,
            model::Severity::High => wit::Severity::High,
            model::Severity::Critical => wit::Severity::Critical,
        }
    }
}

impl From<wit::Severity> for model::Severity {
    fn from(severity: wit::Severity) -> model::Severity {
        match severity {
            wit::Severity::Unknown => model::Severity::Unknown,
            wit::Severity::Negligible => model::Severity::Negligible,
            wit::Severity::Low => model::Severity::Low,
            wit::Severity::Medium => model::Severity::Medium,
            wit::Severity::High => model::Severity::High,
            wit::Severity::Critical => model::Severity::Critical,
        }
    }
}

impl From<model::FixState> for wit::FixState {
    fn from(state: model::FixState) -> wit::FixState {
        match state {
            model::FixState::Unknown => wit::FixState::Unknown,
            model::FixState::NotFixed => wit::FixState::NotFixed,
            model::FixState::WontFix => wit::FixState::WontFix,
            model::FixState::Fixed => wit::FixState::Fixed,
        }
    }
}

impl From<wit::FixState> for model::FixState {
    fn from(state: wit::FixState) -> model::FixState {
        match state {
            wit::FixState::Unknown => model::FixState::Unknown,
            wit::FixState::NotFixed => model::FixState::NotFixed,
            wit::FixState::WontFix => model::FixState::WontFix,
            wit::FixState::Fixed => model::FixState::Fixed,
        }
    }
}

impl From<model::VexStatus> for wit::VexStatus {
    fn from(status: model::VexStatus) -> wit::VexStatus {
        match status {
            model::VexStatus::NotAffected => wit::VexStatus::NotAffected,
            model::VexStatus::Fixed => wit::VexStatus::Fixed,
            model::VexStatus::UnderInvestigation => wit::VexStatus::UnderInvestigation,
            model::VexStatus::Affected => wit::VexStatus::Affected,
        }
    }
}

impl From<wit::VexStatus> for model::VexStatus {
    fn from(status: wit::VexStatus) -> model::VexStatus {
        match status {
            wit::VexStatus::NotAffected => model::VexStatus::NotAffected,
            wit::VexStatus::Fixed => model::VexStatus::Fixed,
            wit::VexStatus::UnderInvestigation => model::VexStatus::UnderInvestigation,
            wit::VexStatus::Affected => model::VexStatus::Affected,
        }
    }
}

impl From<model::RuleOutcome> for wit::RuleOutcome {
    fn from(outcome: model::RuleOutcome) -> wit::RuleOutcome {
        match outcome {
            model::RuleOutcome::Pass => wit::RuleOutcome::Pass,
            model::RuleOutcome::Fail => wit::RuleOutcome::Fail,
            model::RuleOutcome::Error => wit::RuleOutcome::Error,
            model::RuleOutcome::Unknown => wit::RuleOutcome::Unknown,
            model::RuleOutcome::NotApplicable => wit::RuleOutcome::NotApplicable,
            model::RuleOutcome::NotChecked => wit::RuleOutcome::NotChecked,
            model::RuleOutcome::NotSelected => wit::RuleOutcome::NotSelected,
            model::RuleOutcome::Informational => wit::RuleOutcome::Informational,
            model::RuleOutcome::Fixed => wit::RuleOutcome::Fixed,
        }
    }
}

impl From<wit::RuleOutcome> for model::RuleOutcome {
    fn from(outcome: wit::RuleOutcome) -> model::RuleOutcome {
        match outcome {
            wit::RuleOutcome::Pass => model::RuleOutcome::Pass,
            wit::RuleOutcome::Fail => model::RuleOutcome::Fail,
            wit::RuleOutcome::Error => model::RuleOutcome::Error,
            wit::RuleOutcome::Unknown => model::RuleOutcome::Unknown,
            wit::RuleOutcome::NotApplicable => model::RuleOutcome::NotApplicable,
            wit::RuleOutcome::NotChecked => model::RuleOutcome::NotChecked,
            wit::RuleOutcome::NotSelected => model::RuleOutcome::NotSelected,
            wit::RuleOutcome::Informational => model::RuleOutcome::Informational,
            wit::RuleOutcome::Fixed => model::RuleOutcome::Fixed,
        }
    }
}

impl From<wit::Window> for model::Window {
    fn from(wit::Window { offset, limit }: wit::Window) -> model::Window {
        model::Window { offset, limit }
    }
}

impl TryFrom<wit::VulnerabilityFilter> for model::VulnerabilityQuery {
    type Error = String;

    fn try_from(filter: wit::VulnerabilityFilter) -> Result<model::VulnerabilityQuery, String> {
        let wit::VulnerabilityFilter {
            min_severity,
            fix_states,
            kinds,
            packages,
            ids,
            min_cvss,
            published_before,
            fixed_before,
            exclude_paths,
            exclude_vex,
            without: _,
            max_links: _,
        } = filter;
        let moment = |name: &str, text: Option<String>| {
            let parse = |text: String| {
                text.parse()
                    .map_err(|_| format!("{name}: {text:?} is no time by RFC 3339"))
            };
            text.map(parse).transpose()
        };
        Ok(model::VulnerabilityQuery {
            min_severity: min_severity.map(Into::into),
            fix_states: fix_states.into_iter().map(Into::into).collect(),
            kinds,
            packages,
            ids,
            min_cvss,
            published_before: moment("published-before", published_before)?,
            fixed_before: moment("fixed-before", fixed_before)?,
            exclude_paths,
            exclude_vex: exclude_vex.into_iter().map(Into::into).collect(),
        })
    }
}

impl From<wit::PackageFilter> for model::PackageQuery {
    fn from(filter: wit::PackageFilter) -> model::PackageQuery {
        let wit::PackageFilter {
            kinds,
            names,
            licences,
            exclude_paths,
        } = filter;
        model::PackageQuery {
            kinds,
            names,
            licences,
            exclude_paths,
        }
    }
}

impl From<wit::RuleFilter> for model::RuleQuery {
    fn from(filter: wit::RuleFilter) -> model::RuleQuery {
        let wit::RuleFilter {
            outcomes,
            min_severity,
            ids,
        } = filter;
        model::RuleQuery {
            outcomes: outcomes.into_iter().map(Into::into).collect(),
            min_severity: min_severity.map(Into::into),
            ids,
        }
    }
}

impl From<wit::FileFilter> for model::FileQuery {
    fn from(filter: wit::FileFilter) -> model::FileQuery {
        let wit::FileFilter {
            paths,
            any_mode_bit,
            with_content,
        } = filter;
        model::FileQuery {
            paths,
            any_mode_bit,
            with_content,
        }
    }
}

impl From<&model::Distribution> for wit::OsDistribution {
    fn from(distribution: &model::Distribution) -> wit::OsDistribution {
        let model::Distribution {
            name,
            version,
            like,
            end_of_life,
            reports: _,
        } = distribution.clone();
        wit::OsDistribution {
            name,
            version,
            like,
            end_of_life,
        }
    }
}

impl From<&model::Configuration> for wit::ImageConfiguration {
    fn from(configuration: &model::Configuration) -> wit::ImageConfiguration {
        let model::Configuration {
            user,
            exposed_ports,
            entrypoint,
            command,
            labels,
            environment,
            volumes,
            working_directory,
            healthcheck,
            created,
            architecture,
            os,
            size,
            reports: _,
        } = configuration.clone();
        wit::ImageConfiguration {
            user,
            exposed_ports,
            entrypoint,
            command,
            labels: labels.into_iter().collect(),
            environment,
            volumes,
            working_directory,
            healthcheck,
            created: written(created),
            architecture,
            os,
            size,
        }
    }
}

impl From<&model::Layer> for wit::Layer {
    fn from(layer: &model::Layer) -> wit::Layer {
        let model::Layer {
            digest,
            diff_id,
            size,
        } = layer.clone();
        wit::Layer {
            digest,
            diff_id,
            size,
        }
    }
}

impl From<&model::Step> for wit::Step {
    fn from(step: &model::Step) -> wit::Step {
        wit::Step {
            created: written(step.created),
            created_by: step.created_by.clone(),
            empty: step.empty,
        }
    }
}

impl From<&model::Instruction> for wit::Instruction {
    fn from(instruction: &model::Instruction) -> wit::Instruction {
        let model::Instruction {
            name,
            arguments,
            line,
            stage,
        } = instruction.clone();
        wit::Instruction {
            name,
            arguments,
            line,
            stage,
        }
    }
}

impl From<&model::Vex> for wit::Vex {
    fn from(vex: &model::Vex) -> wit::Vex {
        wit::Vex {
            status: vex.status.into(),
            justification: vex.justification.clone(),
            statement: vex.statement.clone(),
            author: vex.author.clone(),
        }
    }
}

impl From<&model::Score> for wit::Score {
    fn from(score: &model::Score) -> wit::Score {
        let model::Score {
            source,
            version,
            vector,
            base,
            exploitability,
            impact,
        } = score.clone();
        wit::Score {
            source,
            version,
            vector,
            base,
            exploitability,
            impact,
        }
    }
}

/// A vulnerability without what is not wanted of it.
fn told(
    vulnerability: &model::Vulnerability,
    without: wit::VulnerabilityParts,
    most_links: usize,
) -> wit::Vulnerability {
    use wit::VulnerabilityParts as Part;

    let model::Vulnerability {
        id,
        aliases,
        package,
        kind,
        installed,
        purl,
        locations,
        layer: _,
        fixed,
        fix_state,
        severity,
        severity_source,
        severity_text,
        scores,
        epss,
        exploited,
        title,
        links,
        published,
        fixed_at,
        first_seen,
        vex,
        reports,
    } = vulnerability;
    let wants = |part| (without & part) != part;
    wit::Vulnerability {
        id: id.clone(),
        aliases: aliases
            .iter()
            .filter(|_| wants(Part::ALIASES))
            .cloned()
            .collect(),
        package: package.clone(),
        kind: kind.clone(),
        installed: installed.clone(),
        purl: purl.as_ref().filter(|_| wants(Part::PURL)).cloned(),
        locations: locations
            .iter()
            .filter(|_| wants(Part::LOCATIONS))
            .cloned()
            .collect(),
        fixed: fixed.clone(),
        fix_state: (*fix_state).into(),
        severity: (*severity).into(),
        severity_source: severity_source
            .as_ref()
            .filter(|_| wants(Part::SEVERITY_SOURCE))
            .cloned(),
        severity_text: severity_text
            .as_ref()
            .filter(|_| wants(Part::SEVERITY_SOURCE))
            .cloned(),
        scores: scores
            .iter()
            .filter(|_| wants(Part::SCORES))
            .map(Into::into)
            .collect(),
        cvss: vulnerability.cvss(),
        epss: *epss,
        exploited: *exploited,
        title: title.as_ref().filter(|_| wants(Part::TITLE)).cloned(),
        links: links.iter().take(most_links).cloned().collect(),
        published: written(*published),
        fixed_at: written(*fixed_at),
        first_seen: written(*first_seen),
        vex: vex.as_ref().map(Into::into),
        reports: reports.iter().copied().collect(),
    }
}

impl From<&model::Package> for wit::Package {
    fn from(package: &model::Package) -> wit::Package {
        let model::Package {
            name,
            version,
            kind,
            purl,
            licences,
            origin,
            source,
            locations,
            layer,
            reports: _,
        } = package;
        wit::Package {
            name: name.clone(),
            version: version.clone(),
            kind: kind.clone(),
            purl: purl.clone(),
            licences: licences.clone(),
            origin: origin.clone(),
            source: source.clone(),
            locations: locations.clone(),
            layer: layer.clone(),
        }
    }
}

impl From<&model::RuleResult> for wit::RuleResult {
    fn from(rule: &model::RuleResult) -> wit::RuleResult {
        let identifiers = rule.identifiers.iter();
        wit::RuleResult {
            benchmark: rule.benchmark.clone(),
            profile: rule.profile.clone(),
            id: rule.id.clone(),
            severity: rule.severity.into(),
            outcome: rule.result.into(),
            title: rule.title.clone(),
            description: rule.description.clone(),
            identifiers: identifiers
                .map(|identifier| (identifier.system.clone(), identifier.id.clone()))
                .collect(),
            references: rule.references.clone(),
            fix: rule.fix.clone(),
            weight: rule.weight,
        }
    }
}

impl From<&model::Benchmark> for wit::Benchmark {
    fn from(benchmark: &model::Benchmark) -> wit::Benchmark {
        wit::Benchmark {
            id: benchmark.id.clone(),
            profile: benchmark.profile.clone(),
            title: benchmark.title.clone(),
            target: benchmark.target.clone(),
            started: written(benchmark.started),
            ended: written(benchmark.ended),
            score: benchmark.score,
            maximum: benchmark.maximum,
        }
    }
}

impl From<&model::FoundSecret> for wit::FoundSecret {
    fn from(secret: &model::FoundSecret) -> wit::FoundSecret {
        let model::FoundSecret {
            rule,
            category,
            severity,
            title,
            path,
            line,
            layer,
            reports: _,
        } = secret.clone();
        wit::FoundSecret {
            rule,
            category,
            severity: severity.into(),
            title,
            path,
            line,
            layer,
        }
    }
}

impl From<&model::Misconfiguration> for wit::Misconfiguration {
    fn from(misconfiguration: &model::Misconfiguration) -> wit::Misconfiguration {
        let model::Misconfiguration {
            id,
            severity,
            passed,
            title,
            message,
            remedy,
            links,
            path,
            line,
            reports: _,
        } = misconfiguration.clone();
        wit::Misconfiguration {
            id,
            severity: severity.into(),
            passed,
            title,
            message,
            remedy,
            links,
            path,
            line,
        }
    }
}

impl From<&model::FoundLicence> for wit::FoundLicence {
    fn from(licence: &model::FoundLicence) -> wit::FoundLicence {
        let model::FoundLicence {
            name,
            category,
            severity,
            package,
            path,
            confidence,
            reports: _,
        } = licence.clone();
        wit::FoundLicence {
            name,
            category,
            severity: severity.into(),
            package,
            path,
            confidence,
        }
    }
}

impl From<&model::File> for wit::File {
    fn from(file: &model::File) -> wit::File {
        wit::File {
            path: file.path.clone(),
            mode: file.mode,
            uid: file.uid,
            gid: file.gid,
            size: file.size,
            checksums: pairs(&file.checksums),
            matches: file.matches.clone(),
            content: file.content.clone(),
        }
    }
}

impl From<&model::Malware> for wit::FoundMalware {
    fn from(malware: &model::Malware) -> wit::FoundMalware {
        wit::FoundMalware {
            scanner: malware.scanner.clone(),
            signature: malware.signature.clone(),
            path: malware.path.clone(),
        }
    }
}
