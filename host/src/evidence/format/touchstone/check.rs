//! What must hold in evidence that somebody wrote by hand, beyond what its types hold already.

use super::super::super::model::{
    Benchmark, Configuration, Distribution, Evidence, File, FoundLicence, FoundSecret, Instruction,
    Malware, Misconfiguration, Package, Reports, RuleResult, Statement, Vulnerability,
};
use super::super::Wrong;
use super::super::raw::within;

/// Checks everything, and says of what names no report that the only one says so.
pub(super) fn check(evidence: &mut Evidence) -> Result<(), Wrong> {
    let Evidence {
        image: _,
        reports,
        distribution,
        configuration,
        layers: _,
        history: _,
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
    } = evidence;
    let count = reports.len();
    if let Some(distribution) = distribution {
        one("evidence.distribution", distribution, count)?;
    }
    if let Some(configuration) = configuration {
        one("evidence.configuration", configuration, count)?;
    }
    for (index, instruction) in dockerfile.iter().flatten().enumerate() {
        let place = || format!("evidence.dockerfile[{index}]");
        instruction_is_whole(instruction).map_err(|wrong| within_place(&place(), wrong))?;
    }
    each("packages", packages, count)?;
    each("vulnerabilities", vulnerabilities, count)?;
    each("statements", statements, count)?;
    each("benchmarks", benchmarks, count)?;
    each("rules", rules, count)?;
    each("secrets", secrets, count)?;
    each("misconfigurations", misconfigurations, count)?;
    each("licences", licences, count)?;
    each("files", files, count)?;
    each("malware", malware, count)
}

fn each<T: Item>(key: &str, items: &mut Option<Vec<T>>, count: usize) -> Result<(), Wrong> {
    for (index, item) in items.iter_mut().flatten().enumerate() {
        one(&format!("evidence.{key}[{index}]"), item, count)?;
    }
    Ok(())
}

fn one<T: Item>(place: &str, item: &mut T, count: usize) -> Result<(), Wrong> {
    let claimed = claim(item.reports(), count);
    claimed
        .and_then(|()| item.check())
        .map_err(|wrong| within_place(place, wrong))
}

fn within_place(place: &str, wrong: Wrong) -> Wrong {
    Wrong::at(format!("{place}.{}", wrong.place), wrong.reason)
}

/// Who says so must be among the reports.
fn claim(reports: &mut Reports, count: usize) -> Result<(), Wrong> {
    if reports.is_empty() {
        if count != 1 {
            let reason = format!("none, and there are {count}: name those that say so");
            return Err(Wrong::at("reports", reason));
        }
        reports.insert(0);
    }
    match reports.last() {
        Some(last) if *last as usize >= count => {
            let reason = format!("{last} is none of the {count} reports, which count from 0");
            Err(Wrong::at("reports", reason))
        }
        _ => Ok(()),
    }
}

/// Something that a report says.
trait Item {
    /// Who says so.
    fn reports(&mut self) -> &mut Reports;
    /// Whether its own fields hold; errors are placed at the field.
    fn check(&self) -> Result<(), Wrong>;
}

impl Item for Distribution {
    fn reports(&mut self) -> &mut Reports {
        &mut self.reports
    }

    fn check(&self) -> Result<(), Wrong> {
        filled("name", &self.name)
    }
}

impl Item for Configuration {
    fn reports(&mut self) -> &mut Reports {
        &mut self.reports
    }

    fn check(&self) -> Result<(), Wrong> {
        Ok(())
    }
}

impl Item for Package {
    fn reports(&mut self) -> &mut Reports {
        &mut self.reports
    }

    fn check(&self) -> Result<(), Wrong> {
        filled("name", &self.name)
    }
}

impl Item for Vulnerability {
    fn reports(&mut self) -> &mut Reports {
        &mut self.reports
    }

    fn check(&self) -> Result<(), Wrong> {
        filled("id", &self.id)?;
        optional("epss", self.epss, 1.0)?;
        for score in &self.scores {
            within("scores.base", score.base, 10.0)?;
            optional("scores.exploitability", score.exploitability, 10.0)?;
            optional("scores.impact", score.impact, 10.0)?;
        }
        Ok(())
    }
}

impl Item for Statement {
    fn reports(&mut self) -> &mut Reports {
        &mut self.reports
    }

    fn check(&self) -> Result<(), Wrong> {
        if self.vulnerabilities.is_empty() {
            return Err(Wrong::at("vulnerabilities", "none: of which is it said?"));
        }
        let mut ids = self.vulnerabilities.iter();
        ids.try_for_each(|id| filled("vulnerabilities", id))
    }
}

impl Item for Benchmark {
    fn reports(&mut self) -> &mut Reports {
        &mut self.reports
    }

    fn check(&self) -> Result<(), Wrong> {
        filled("id", &self.id)?;
        not_negative("score", self.score)?;
        not_negative("maximum", self.maximum)
    }
}

impl Item for RuleResult {
    fn reports(&mut self) -> &mut Reports {
        &mut self.reports
    }

    fn check(&self) -> Result<(), Wrong> {
        filled("id", &self.id)?;
        not_negative("weight", self.weight)
    }
}

impl Item for FoundSecret {
    fn reports(&mut self) -> &mut Reports {
        &mut self.reports
    }

    fn check(&self) -> Result<(), Wrong> {
        filled("rule", &self.rule)?;
        filled("path", &self.path)?;
        line(self.line)
    }
}

impl Item for Misconfiguration {
    fn reports(&mut self) -> &mut Reports {
        &mut self.reports
    }

    fn check(&self) -> Result<(), Wrong> {
        filled("id", &self.id)?;
        line(self.line)
    }
}

impl Item for FoundLicence {
    fn reports(&mut self) -> &mut Reports {
        &mut self.reports
    }

    fn check(&self) -> Result<(), Wrong> {
        filled("name", &self.name)?;
        optional("confidence", self.confidence, 1.0)
    }
}

impl Item for File {
    fn reports(&mut self) -> &mut Reports {
        &mut self.reports
    }

    fn check(&self) -> Result<(), Wrong> {
        if !self.path.starts_with('/') {
            let reason = format!("{:?} does not begin at the root: /etc/passwd", self.path);
            return Err(Wrong::at("path", reason));
        }
        match self.mode {
            Some(mode) if mode > 0o7777 => {
                let reason = format!("{mode} is more than permission bits, 4095 at most");
                Err(Wrong::at("mode", reason))
            }
            _ => Ok(()),
        }
    }
}

impl Item for Malware {
    fn reports(&mut self) -> &mut Reports {
        &mut self.reports
    }

    fn check(&self) -> Result<(), Wrong> {
        filled("signature", &self.signature)?;
        filled("path", &self.path)
    }
}

fn instruction_is_whole(instruction: &Instruction) -> Result<(), Wrong> {
    filled("name", &instruction.name)?;
    line(Some(instruction.line))
}

fn filled(key: &str, text: &str) -> Result<(), Wrong> {
    if text.is_empty() {
        return Err(Wrong::at(key, "is missing or empty"));
    }
    Ok(())
}

fn optional(key: &str, number: Option<f64>, most: f64) -> Result<(), Wrong> {
    let checked = number.map(|number| within(key, number, most));
    checked.transpose().map(|_| ())
}

fn not_negative(key: &str, number: Option<f64>) -> Result<(), Wrong> {
    match number {
        Some(number) if number < 0.0 => Err(Wrong::at(key, format!("{number} is less than 0"))),
        _ => Ok(()),
    }
}

fn line(line: Option<u32>) -> Result<(), Wrong> {
    if line == Some(0) {
        return Err(Wrong::at("line", "0 is no line, they count from 1"));
    }
    Ok(())
}
