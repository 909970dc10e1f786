//! One page that stands alone: no scripts, no network, readable on paper and in the dark. What guests wrote is text in it
//! and nothing else: [`Page`] takes markup only from the program itself.

mod findings;
mod overview;
mod page;
mod record;

use std::io::Write;

use self::page::Page;
use super::Judged;
use super::totals::Totals;
use super::view;
use crate::model::Verdict;

/// Nothing is loaded, run or sent, whatever should get past the escaping.
const HEAD: &str = "<!DOCTYPE html>
<html lang=\"en\">
<head>
<meta charset=\"utf-8\">
<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">
<meta name=\"referrer\" content=\"no-referrer\">
<meta name=\"color-scheme\" content=\"light dark\">
<title>Touchstone: ";
const STYLE: &str = include_str!("html/style.css");

pub(super) fn write(out: &mut dyn Write, judged: &[Judged]) -> std::io::Result<()> {
    let totals = Totals::of(judged);
    let mut page = Page::default();
    page.raw(HEAD)
        .raw(totals.headline())
        .raw("</title>\n<style>\n")
        .raw(STYLE)
        .raw("</style>\n</head>\n<body>\n");
    head(&mut page, judged, &totals);
    page.raw("<main>\n");
    overview::severities(&mut page, judged);
    overview::documents(&mut page, judged);
    overview::policies(&mut page, judged);
    findings::undecided(&mut page, judged);
    findings::failed(&mut page, judged);
    findings::expired(&mut page, judged);
    findings::waived(&mut page, judged);
    findings::others(&mut page, judged);
    record::actions(&mut page, judged);
    record::evidence(&mut page, judged);
    record::decisions(&mut page, judged);
    page.raw("</main>\n<footer><p>Written by touchstone ")
        .raw(env!("CARGO_PKG_VERSION"))
        .raw(".</p></footer>\n</body>\n</html>\n");
    out.write_all(page.as_bytes())
}

/// The verdict and the totals.
fn head(page: &mut Page, judged: &[Judged], totals: &Totals) {
    page.raw("<header class=\"")
        .raw(totals.verdict().as_str())
        .raw("\">\n<p class=\"brand\">Touchstone</p>\n<p class=\"sign\" aria-hidden=\"true\">")
        .raw(sign(totals.verdict()))
        .raw("</p>\n<h1>")
        .raw(totals.headline())
        .raw("</h1>\n<p>")
        .text(&totals.summary())
        .raw("</p>\n");
    let mut generations: Vec<&str> = view::decisions(judged)
        .map(|(_, decision)| decision.generation.as_str())
        .collect();
    generations.sort_unstable();
    generations.dedup();
    if !generations.is_empty() {
        page.raw("<p>Policies and data: generation");
        for generation in generations {
            page.raw(" ").code(generation);
        }
        page.raw("</p>\n");
    }
    if view::decisions(judged).any(|(_, decision)| decision.dry_run) {
        page.raw("<p>A dry run: nothing was done to the world.</p>\n");
    }
    page.raw("</header>\n");
}

/// Not by colour alone.
fn sign(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Deny => "✕",
        Verdict::Warn => "!",
        Verdict::Allow => "✓",
    }
}

#[cfg(test)]
mod tests;
