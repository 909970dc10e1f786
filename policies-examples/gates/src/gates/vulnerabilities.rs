//! Known vulnerabilities of what is installed, and how good that knowledge is.

mod package;

use touchstone_sdk::Severity;
use touchstone_sdk::evidence::{FixState, Vulnerability};

use super::{Asked, Lack, Match, Trigger, python_list};
use crate::params::{Kind, Param};
use crate::time;

pub(super) const TRIGGERS: &[Trigger] = &[
    Trigger {
        gate: "vulnerabilities",
        name: "package",
        aliases: &[],
        params: package::PARAMS,
        silent: false,
        run: package::package,
    },
    Trigger {
        gate: "vulnerabilities",
        name: "blacklist",
        aliases: &[],
        params: &[
            Param::required("vulnerability_ids", Kind::List),
            Param::optional("vendor_only", Kind::Flag),
        ],
        silent: false,
        run: blacklist,
    },
    Trigger {
        gate: "vulnerabilities",
        name: "stale_feed_data",
        aliases: &[],
        params: &[Param::required("max_days_since_sync", Kind::Integer)],
        silent: false,
        run: stale_feed_data,
    },
    Trigger {
        gate: "vulnerabilities",
        name: "vulnerability_data_unavailable",
        aliases: &[],
        params: &[],
        silent: false,
        run: vulnerability_data_unavailable,
    },
];

/// Whether a rule leaves out what the vendor will not mend.
fn is_left_out(asked: &Asked<'_>, vulnerability: &Vulnerability) -> bool {
    asked.params.flag("vendor_only").unwrap_or(true) && vulnerability.fix_state == FixState::WontFix
}

fn blacklist(asked: &Asked<'_>, found: &mut Vec<Match>) -> Result<(), Lack> {
    let mut hits: Vec<(&str, &Vulnerability)> = Vec::new();
    for id in asked.params.list("vulnerability_ids") {
        let is_it = |vulnerability: &&Vulnerability| {
            let by_alias = !asked.exact() && vulnerability.aliases.contains(id);
            (vulnerability.id == *id || by_alias) && !is_left_out(asked, vulnerability)
        };
        let hit = asked.facts.vulnerabilities()?.iter().find(is_it);
        hits.extend(hit.map(|vulnerability| (id.as_str(), vulnerability)));
    }
    let text = |ids: &[&str]| format!("Blacklisted vulnerabilities detected: {}", python_list(ids));
    if asked.exact() {
        let ids: Vec<&str> = hits.iter().map(|(id, _)| *id).collect();
        found.extend((!ids.is_empty()).then(|| Match::new(text(&ids))));
        return Ok(());
    }
    for (id, vulnerability) in hits {
        let hit = Match::new(text(&[id]))
            .severity(vulnerability.severity)
            .package(&vulnerability.package);
        found.push(Match {
            links: vulnerability.links.clone(),
            remedy: Some(package::remedy(vulnerability)),
            ..hit
        });
    }
    Ok(())
}

/// The newest database counts; one whose age is not known may be of any age.
fn stale_feed_data(asked: &Asked<'_>, found: &mut Vec<Match>) -> Result<(), Lack> {
    let days = asked
        .params
        .number("max_days_since_sync")
        .unwrap_or_default();
    let made = asked
        .facts
        .reports()
        .iter()
        .filter_map(|report| time::seconds(report.database.as_deref()?));
    let newest = made.max().filter(|_| asked.facts.vulnerabilities().is_ok());
    let now = asked.facts.now()?;
    let oldest = now.saturating_sub(
        i64::try_from(days)
            .unwrap_or(i64::MAX)
            .saturating_mul(time::DAY),
    );
    if newest.is_none_or(|newest| newest < oldest) {
        let text = format!(
            "The vulnerability feed for this image distro is older than MAXAGE ({days}) days"
        );
        let remedy = match newest {
            Some(_) => "update the scanner's database, and have the image scanned again",
            None => "no report tells how old the scanner's database is: use a scanner that does",
        };
        found.push(Match::new(text).severity(Severity::Unknown).remedy(remedy));
    }
    Ok(())
}

fn vulnerability_data_unavailable(asked: &Asked<'_>, found: &mut Vec<Match>) -> Result<(), Lack> {
    if asked.facts.vulnerabilities().is_ok() {
        return Ok(());
    }
    let distribution = asked.facts.distribution();
    let namespace = distribution.map_or("unknown:unknown".to_owned(), |distribution| {
        format!(
            "{}:{}",
            distribution.name,
            distribution.version.as_deref().unwrap_or("")
        )
    });
    let text = format!(
        "Distro-specific feed data not found for distro namespace: {namespace}. Cannot perform CVE scan OS/distro packages"
    );
    found.push(
        Match::new(text).remedy("have the image scanned, and send the report to POST /v1/evidence"),
    );
    Ok(())
}

#[cfg(test)]
mod tests;
