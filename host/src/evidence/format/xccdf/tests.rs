use jiff::Timestamp;

use super::super::super::model::{Benchmark, Evidence, RuleOutcome, RuleResult, Severity};
use super::*;

const SAMPLE: &str = include_str!("../../../../../tests/reports/xccdf.xml");
const ARF: &str = include_str!("../../../../../tests/reports/arf.xml");

/// A run with these rule-results.
fn run(inner: &str) -> String {
    format!(
        "<TestResult xmlns='http://checklists.nist.gov/xccdf/1.2'><benchmark id='b'/>{inner}</TestResult>"
    )
}

/// The only benchmark and the rules of a document.
fn parts(text: &str) -> (Benchmark, Vec<RuleResult>) {
    let evidence = read(text).unwrap();
    let [benchmark] = &evidence.benchmarks.unwrap()[..] else {
        panic!("not one benchmark");
    };
    (benchmark.clone(), evidence.rules.unwrap())
}

fn rule(id: &str, result: RuleOutcome) -> RuleResult {
    RuleResult {
        benchmark: "b".to_owned(),
        id: id.to_owned(),
        result,
        ..RuleResult::default()
    }
}

fn time(text: &str) -> Option<Timestamp> {
    Some(text.parse().unwrap())
}

#[test]
fn a_result_within_its_benchmark_is_read() {
    let (benchmark, rules) = parts(SAMPLE);
    let expected = Benchmark {
        id: "xccdf_org.example_benchmark_base-images".to_owned(),
        profile: Some("xccdf_org.example_profile_strict".to_owned()),
        title: Some("Hardening of base images".to_owned()),
        target: Some("build-7".to_owned()),
        started: time("2025-03-14T09:00:00Z"),
        ended: time("2025-03-14T09:00:07Z"),
        score: Some(50.0),
        maximum: Some(100.0),
        ..Benchmark::default()
    };
    assert_eq!(benchmark, expected);
    let results: Vec<_> = rules
        .iter()
        .map(|rule| (rule.id.as_str(), rule.result, rule.severity))
        .collect();
    let expected = [
        (
            "xccdf_org.example_rule_umask",
            RuleOutcome::Pass,
            Severity::Medium,
        ),
        (
            "xccdf_org.example_rule_no-setuid",
            RuleOutcome::Fail,
            Severity::High,
        ),
        (
            "xccdf_org.example_rule_banner",
            RuleOutcome::NotSelected,
            Severity::Negligible,
        ),
    ];
    assert_eq!(results, expected);
    let umask = RuleResult {
        benchmark: benchmark.id,
        profile: benchmark.profile,
        id: "xccdf_org.example_rule_umask".to_owned(),
        severity: Severity::Medium,
        result: RuleOutcome::Pass,
        title: Some("Files are private by default".to_owned()),
        description: Some(
            "The file mode creation mask is umask xccdf_org.example_value_umask.\nSet it in:\n\
             /etc/profile\n/etc/login.defs\n\nOthers need not read what a service writes & logs."
                .to_owned(),
        ),
        identifiers: vec![Identifier {
            system: "https://nvd.nist.gov/cce/index.cfm".to_owned(),
            id: "CCE-10001-1".to_owned(),
        }],
        references: vec![
            "AC-6(1) (https://csrc.nist.gov/800-53)".to_owned(),
            "CCI-000366 (https://public.cyber.mil/stigs/cci/)".to_owned(),
        ],
        fix: Some(
            "sed -i 's/^UMASK.*/UMASK xccdf_org.example_value_umask/' \\\n    /etc/login.defs"
                .to_owned(),
        ),
        weight: Some(10.0),
        ..RuleResult::default()
    };
    assert_eq!(rules[0], umask);
    assert_eq!(rules[1].fix.as_deref(), Some("Remove the setuid bit."));
}

#[test]
fn the_tool_tells_who_scanned_and_when() {
    let cases = [
        ("cpe:/a:redhat:openscap:1.3.9", "OpenSCAP", Some("1.3.9")),
        (
            "cpe:2.3:a:redhat:openscap:1.4.0:*:*:*:*:*:*:*",
            "OpenSCAP",
            Some("1.4.0"),
        ),
        ("cpe:/a:spawar:scc:5.4", "scc", Some("5.4")),
        ("cpe:/a:example:tool", "tool", None),
        ("my scanner", "my scanner", None),
        ("", "", None),
    ];
    for (system, tool, version) in cases {
        let text = run("").replace(
            "<TestResult",
            &format!("<TestResult test-system='{system}' end-time='2025-03-14T10:00:00'"),
        );
        let reports = read(&text).unwrap().reports;
        assert_eq!(reports.len(), 1);
        assert_eq!(
            (reports[0].tool.as_str(), reports[0].version.as_deref()),
            (tool, version),
            "{system}"
        );
        assert_eq!(reports[0].scanned, time("2025-03-14T10:00:00Z"));
    }
}

#[test]
fn in_arf_only_the_reports_count() {
    let (benchmark, rules) = parts(ARF);
    assert_eq!(benchmark.id, "xccdf_org.example_benchmark_web");
    assert_eq!(benchmark.title.as_deref(), Some("Web servers"));
    assert_eq!(benchmark.started, time("2025-05-02T06:30:00Z"));
    assert_eq!(rules.len(), 1);
    assert_eq!(rules[0].result, RuleOutcome::Fail);
    assert_eq!(rules[0].title.as_deref(), Some("Only TLS 1.2 and later"));
    assert_eq!(rules[0].identifiers[0].id, "CVE-2014-3566");
    let image = read(ARF).unwrap().image;
    assert_eq!(image.names, ["registry.example.org/web:3.1"]);
    let id = "sha256:5e7abcdd20216bbeedf1369529564ffd60f830ed3540c477938ca580b645dff5";
    assert_eq!(image.id.as_deref(), Some(id));
}

#[test]
fn results_are_read_wherever_they_stand() {
    let fails = [rule("r", RuleOutcome::Fail)];
    let cases = [
        (
            "alone",
            run("<rule-result idref='r'><result>fail</result></rule-result>"),
        ),
        (
            "1.1, prefixed",
            "<c:TestResult xmlns:c='http://checklists.nist.gov/xccdf/1.1'><c:benchmark href='b'/>\
             <c:rule-result idref='r'><c:result>fail</c:result></c:rule-result></c:TestResult>"
                .to_owned(),
        ),
        (
            "before the rule",
            "<Benchmark xmlns='http://checklists.nist.gov/xccdf/1.2' id='b'><TestResult>\
             <rule-result idref='r'><result>fail</result></rule-result></TestResult>\
             <Rule id='r'/></Benchmark>"
                .to_owned(),
        ),
        (
            "a foreign result beside it",
            run(
                "<rule-result idref='r'><o:result xmlns:o='urn:o'>pass</o:result><result>fail</result>\
                 <x xmlns='urn:o'><result>pass</result></x></rule-result>\
                 <rule-result xmlns='urn:o' idref='s'><result>pass</result></rule-result>",
            ),
        ),
        (
            "white space, references, CDATA",
            run(
                "<rule-result idref=\"&#x72;\"><result> f&#97;<!-- --><![CDATA[il]]>\n</result></rule-result>",
            ),
        ),
    ];
    for (name, text) in cases {
        let (_, rules) = parts(&text);
        assert_eq!(rules, fails, "{name}");
    }
}

#[test]
fn what_a_result_does_not_say_its_rule_says() {
    let text = "<Benchmark xmlns='http://checklists.nist.gov/xccdf/1.2' id='b'>\
        <Rule id='r' severity='low' weight='2'><ident system='s'>X-1</ident><fix>mend</fix></Rule>\
        <TestResult><rule-result idref='r'><result>fail</result></rule-result>\
        <rule-result idref='r' severity='high' weight='3'><result>pass</result><ident system='t'>Y-2</ident>\
        <fix>mend it</fix></rule-result></TestResult></Benchmark>";
    let (_, rules) = parts(text);
    let of = |index: usize| {
        let rule: &RuleResult = &rules[index];
        (
            rule.severity,
            rule.weight,
            rule.identifiers[0].id.as_str(),
            rule.fix.as_deref(),
        )
    };
    assert_eq!(of(0), (Severity::Low, Some(2.0), "X-1", Some("mend")));
    assert_eq!(of(1), (Severity::High, Some(3.0), "Y-2", Some("mend it")));
}

#[test]
fn several_runs_are_a_benchmark_each() {
    let text = "<Benchmark xmlns='http://checklists.nist.gov/xccdf/1.2' id='b'><Rule id='r'><title>t</title></Rule>\
        <TestResult end-time='2025-01-01T00:00:00Z'><profile idref='p'/><rule-result idref='r'><result>fail</result></rule-result>\
        <score>1</score></TestResult>\
        <TestResult end-time='2025-02-01T00:00:00Z'><profile idref='q'/><rule-result idref='r'><result>pass</result></rule-result>\
        <score system='urn:xccdf:scoring:flat' maximum='7'>2</score><score system='urn:xccdf:scoring:default'>3</score></TestResult></Benchmark>";
    let Evidence {
        benchmarks,
        rules,
        reports,
        ..
    } = read(text).unwrap();
    let benchmarks: Vec<_> = benchmarks
        .unwrap()
        .into_iter()
        .map(|run| (run.profile, run.score, run.maximum))
        .collect();
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(
        benchmarks,
        [
            (some("p"), Some(1.0), Some(100.0)),
            (some("q"), Some(3.0), Some(100.0))
        ]
    );
    let rules: Vec<_> = rules
        .unwrap()
        .into_iter()
        .map(|rule| (rule.profile, rule.result, rule.title))
        .collect();
    let expected = [
        (some("p"), RuleOutcome::Fail, some("t")),
        (some("q"), RuleOutcome::Pass, some("t")),
    ];
    assert_eq!(rules, expected);
    assert_eq!(reports[0].scanned, time("2025-02-01T00:00:00Z"));
}

#[test]
fn bad_documents_are_refused() {
    let result = |word: &str| {
        run(&format!(
            "\n<rule-result idref='r'><result>{word}</result></rule-result>"
        ))
    };
    let deep = format!("{}{}", "<Group>".repeat(200), "</Group>".repeat(200));
    let deep =
        format!("<Benchmark xmlns='http://checklists.nist.gov/xccdf/1.2'>{deep}</Benchmark>");
    let bomb = "<!DOCTYPE x [<!ENTITY a 'ha'><!ENTITY b '&a;&a;'>]>\n".to_owned() + &result("&b;");
    let names: String = (0..300)
        .map(|number| format!(" xmlns:p{number}='urn:x'"))
        .collect();
    let cases = [
        ("unknown word", result("maybe"), "line 2: result \"maybe\" of \"r\" is none of pass, fail"),
        ("other case", result("Pass"), "result \"Pass\""),
        ("no word", result(""), "result \"\""),
        ("no result", run("<rule-result idref='r'/>"), "rule-result of \"r\" has no result"),
        ("two results", run("<rule-result idref='r'><result>fail</result><result>pass</result></rule-result>"), "two results"),
        ("no idref", run("<rule-result><result>fail</result></rule-result>"), "<rule-result>: attribute \"idref\" is missing or empty"),
        ("empty idref", run("<rule-result idref=' '/>"), "attribute \"idref\" is missing or empty"),
        ("idref twice", run("<rule-result idref='a' idref='b'/>"), "attribute \"idref\" stands twice"),
        ("severity", run("<rule-result idref='a' severity='grave'/>"), "severity \"grave\" is none of unknown, info, low, medium, high"),
        ("weight", run("<rule-result idref='a' weight='NaN'/>"), "weight \"NaN\" is no number from 0 up"),
        ("score", run("<score>-1</score>"), "score \"-1\" is no number from 0 up"),
        ("time", run("").replace("<TestResult", "<TestResult end-time='yesterday'"), "end-time \"yesterday\" is no time"),
        ("no benchmark", run("").replace("<benchmark id='b'/>", ""), "<benchmark id=\"…\"> is missing"),
        ("no result", "<Benchmark xmlns='http://checklists.nist.gov/xccdf/1.2'/>".to_owned(), "only a benchmark without results"),
        ("empty ARF", "<asset-report-collection xmlns='http://scap.nist.gov/schema/asset-reporting-format/1.1'/>".to_owned(), "it holds no TestResult"),
        ("other version", run("").replace("xccdf/1.2", "xccdf/1.0"), "\"http://checklists.nist.gov/xccdf/1.0\" is none that is read here"),
        ("no namespace", "<TestResult/>".to_owned(), "namespace \"\" is none that is read here"),
        ("entity", result("&fail;"), "line 2: entity &fail; is not taken"),
        ("entity in an attribute", run("<rule-result idref='&r;'/>"), "`r`"),
        ("billion laughs", bomb, "line 1: a document type declaration"),
        ("doctype", format!("<!DOCTYPE x SYSTEM 'http://example.org/x.dtd'>{}", result("pass")), "a document type declaration"),
        ("cut off", result("pass").replace("</TestResult>", ""), "the document ends too early"),
        ("wrong end", result("pass").replace("</result>", "</resul>"), "line 2: ill-formed document"),
        ("two roots", run("") + &run(""), "a second root element"),
        ("text after", run("") + "x", "text outside of the root element"),
        ("deep", deep, "nested deeper than 127 levels"),
        ("prefix", run("<x:y/>"), "the namespace prefix \"x\" is not declared"),
        ("prefixes", run(&format!("<x{names}/>")), "more than 256 namespaces in force"),
        (
            "rule twice",
            "<Benchmark xmlns='http://checklists.nist.gov/xccdf/1.2'><Rule id='r'/><Rule id='r'/></Benchmark>".to_owned(),
            "rule \"r\" stands twice in its benchmark",
        ),
    ];
    for (name, text, expected) in cases {
        let wrong = read(&text).expect_err(name).to_string();
        assert!(wrong.contains(expected), "{name}: {wrong}");
    }
}

#[test]
fn a_small_document_does_not_grow_without_bound() {
    let rule = format!(
        "<Rule id='r'><description>{}</description></Rule>",
        "x".repeat(1 << 20)
    );
    let results = "<rule-result idref='r'><result>fail</result></rule-result>".repeat(1000);
    let text = format!(
        "<Benchmark xmlns='http://checklists.nist.gov/xccdf/1.2' id='b'>{rule}<TestResult>{results}</TestResult></Benchmark>"
    );
    let wrong = read(&text).unwrap_err();
    assert_eq!(wrong.place, "rule-result");
    let rules: String = (0..=MAX_ITEMS)
        .map(|number| format!("<Rule id='{number}'/>"))
        .collect();
    let text =
        format!("<Benchmark xmlns='http://checklists.nist.gov/xccdf/1.2'>{rules}</Benchmark>");
    let wrong = read(&text).unwrap_err();
    assert_eq!(wrong.reason, "<Rule>: more than 200000 rules and results");
}

#[test]
fn it_is_recognised_by_its_root() {
    let cases = [
        ("<?xml version='1.0'?><!-- <x> --><cdf:TestResult/>", true),
        ("<Benchmark>", true),
        ("<arf:asset-report-collection>", true),
        ("<oval_results/>", false),
        ("<ds:data-stream-collection/>", false),
        ("{}", false),
        ("Benchmark", false),
    ];
    for (text, expected) in cases {
        assert_eq!(detect(&Sketch::of(text).unwrap()), expected, "{text}");
    }
}
