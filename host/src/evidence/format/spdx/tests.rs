//! Small bills of materials, good and bad.

use super::super::super::model::{Evidence, Package};
use super::read;

const SAMPLE: &str = include_str!("../../../../../tests/reports/spdx.json");

/// A document of version 2.3 with these keys.
fn of(keys: &str) -> Evidence {
    let text = format!(r#"{{"spdxVersion": "SPDX-2.3", {keys}}}"#);
    read(&text).unwrap_or_else(|wrong| panic!("{keys}: {wrong}"))
}

/// The package with these keys, if it is taken for one.
fn package(keys: &str) -> Option<Package> {
    let evidence = of(&format!(
        r#""documentDescribes": ["top"], "packages": [{{{keys}}}],
        "hasExtractedLicensingInfos": [{{"licenseId": "LicenseRef-1", "name": "Own Licence"}}, {{"licenseId": "LicenseRef-2", "name": "NOASSERTION"}}]"#
    ));
    evidence.packages.unwrap().pop()
}

#[test]
fn the_sample_is_read() {
    let evidence = read(SAMPLE).unwrap();
    let report = &evidence.reports[0];
    assert_eq!(
        (&*report.tool, report.version.as_deref()),
        ("bill-maker", Some("v3.2.0"))
    );
    assert_eq!(
        report.scanned,
        Some("2026-10-02T06:15:00Z".parse().unwrap())
    );
    assert_eq!(evidence.image.names, ["registry.example.com/ferry:7"]);
    assert_eq!(evidence.image.digests.len(), 1);
    let distribution = evidence.distribution.as_ref().unwrap();
    assert_eq!(
        (&*distribution.name, distribution.version.as_deref()),
        ("alpine", Some("3.21.2"))
    );
    let [ssl, yaml] = evidence.packages.as_deref().unwrap() else {
        panic!("{:?}", evidence.packages);
    };
    assert_eq!(
        (&*ssl.name, &*ssl.kind, ssl.source.as_deref()),
        ("libssl3", "apk", Some("openssl"))
    );
    assert_eq!(ssl.origin.as_deref(), Some("Ada Keeper (ada@example.org)"));
    assert_eq!(ssl.locations, ["/lib/apk/db/installed"]);
    assert_eq!(ssl.licences.as_deref().unwrap(), ["Apache-2.0"]);
    assert_eq!(yaml.name, "org.example.yaml:yaml-reader");
    assert_eq!(
        yaml.licences.as_deref().unwrap(),
        ["MIT", "Example Licence"]
    );
    assert_eq!(yaml.locations, ["/srv/ferry.jar"]);
    let [file] = evidence.files.as_deref().unwrap() else {
        panic!("{:?}", evidence.files);
    };
    assert_eq!(file.path, "/srv/ferry.jar");
    assert_eq!(file.checksums.len(), 1);
    assert_eq!(file.checksums["sha256"], "9c4e2a");
}

#[test]
fn what_nobody_looked_at_is_not_there() {
    let nothing = of(r#""files": []"#);
    assert_eq!(
        (nothing.packages, nothing.files, nothing.vulnerabilities),
        (None, None, None)
    );
    assert_eq!(of(r#""packages": null"#).packages, None);
    assert_eq!(of(r#""packages": []"#).packages, Some(vec![]));
}

#[test]
fn only_packages_are_packages() {
    for (keys, expected) in [
        (
            r#""SPDXID": "a", "name": "a", "versionInfo": "1""#,
            Some("generic"),
        ),
        (r#""SPDXID": "a", "name": "a""#, None),
        (
            r#""SPDXID": "a", "name": "a", "versionInfo": "NOASSERTION""#,
            None,
        ),
        (
            r#""SPDXID": "a", "name": "a", "externalRefs": [{"referenceType": "purl", "referenceLocator": "pkg:gem/a@1"}]"#,
            Some("gem"),
        ),
        (r#""SPDXID": "top", "name": "a", "versionInfo": "1""#, None),
        (
            r#""SPDXID": "top", "name": "a", "externalRefs": [{"referenceType": "purl", "referenceLocator": "pkg:apk/wolfi/a@1"}]"#,
            Some("apk"),
        ),
        (
            r#""SPDXID": "a", "name": "a", "externalRefs": [{"referenceType": "purl", "referenceLocator": "pkg:oci/a@sha256%3Aab"}]"#,
            None,
        ),
        (
            r#""SPDXID": "a", "name": "a", "versionInfo": "1", "primaryPackagePurpose": "CONTAINER""#,
            None,
        ),
        (
            r#""SPDXID": "a", "name": "a", "versionInfo": "1", "primaryPackagePurpose": "SOURCE""#,
            None,
        ),
        (
            r#""SPDXID": "a", "name": "debian", "versionInfo": "12", "primaryPackagePurpose": "OPERATING-SYSTEM""#,
            None,
        ),
        (
            r#""SPDXID": "a", "name": "app/package-lock.json", "primaryPackagePurpose": "APPLICATION""#,
            None,
        ),
    ] {
        assert_eq!(
            package(keys).map(|package| package.kind).as_deref(),
            expected,
            "{keys}"
        );
    }
}

#[test]
fn none_is_looked_for_and_not_found() {
    for (keys, expected) in [
        (r#""licenseDeclared": "NOASSERTION""#, None),
        (
            r#""licenseDeclared": "NONE", "licenseConcluded": "NOASSERTION""#,
            Some(vec![]),
        ),
        (
            r#""licenseDeclared": "MIT", "licenseConcluded": "MIT""#,
            Some(vec!["MIT"]),
        ),
        (
            r#""licenseDeclared": "MIT AND ISC", "licenseConcluded": "MIT OR ISC""#,
            Some(vec!["MIT", "ISC", "MIT OR ISC"]),
        ),
        (
            r#""licenseDeclared": "LicenseRef-1 AND LicenseRef-2""#,
            Some(vec!["Own Licence", "LicenseRef-2"]),
        ),
        (r#""licenseDeclared": null"#, None),
    ] {
        let found = package(&format!(
            r#""SPDXID": "a", "name": "a", "versionInfo": "1", {keys}"#
        ))
        .unwrap();
        let expected = expected.map(|list| list.into_iter().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(found.licences, expected, "{keys}");
    }
}

#[test]
fn tools_say_more_in_words() {
    let of = |keys: &str| {
        package(&format!(
            r#""SPDXID": "a", "name": "a", "versionInfo": "1", {keys}"#
        ))
        .unwrap()
    };
    assert_eq!(
        of(r#""sourceInfo": "built package from: glibc 2.34-1""#)
            .source
            .as_deref(),
        Some("glibc")
    );
    assert_eq!(
        of(r#""sourceInfo": "package found in: app/yarn.lock""#).locations,
        ["/app/yarn.lock"]
    );
    assert_eq!(
        of(r#""sourceInfo": "acquired package info from the following paths: /b, /a, /b""#)
            .locations,
        ["/a", "/b"]
    );
    assert_eq!(
        of(r#""sourceInfo": "a note: of some kind""#).locations,
        [""; 0]
    );
    assert_eq!(of(r#""annotations": [{"comment": "LayerDiffID: sha256:aa"}, {"comment": "LayerDigest: sha256:bb"}]"#).layer.as_deref(), Some("sha256:bb"));
    assert_eq!(
        of(r#""attributionTexts": ["LayerDiffID: sha256:aa"]"#)
            .layer
            .as_deref(),
        Some("sha256:aa")
    );
    assert_eq!(
        of(r#""supplier": "Organization: Debian ()""#)
            .origin
            .as_deref(),
        Some("Debian")
    );
    assert_eq!(
        of(r#""supplier": "NOASSERTION", "originator": "Person: Ada""#)
            .origin
            .as_deref(),
        Some("Ada")
    );
    assert_eq!(of(r#""supplier": "NOASSERTION""#).origin, None);
}

#[test]
fn a_package_of_several_files_was_found_by_none() {
    for (contained, expected) in [
        ("", 0),
        (
            r#"{"spdxElementId": "a", "relatedSpdxElement": "f", "relationshipType": "CONTAINS"}"#,
            1,
        ),
        (
            r#"{"spdxElementId": "a", "relatedSpdxElement": "f", "relationshipType": "CONTAINS"}, {"spdxElementId": "a", "relatedSpdxElement": "g", "relationshipType": "CONTAINS"}"#,
            0,
        ),
    ] {
        let evidence = of(&format!(
            r#""packages": [{{"SPDXID": "a", "name": "a", "versionInfo": "1"}}],
            "files": [{{"SPDXID": "f", "fileName": "/f"}}, {{"SPDXID": "g", "fileName": "/g"}}], "relationships": [{contained}]"#
        ));
        assert_eq!(
            evidence.packages.unwrap()[0].locations.len(),
            expected,
            "{contained}"
        );
    }
}

#[test]
fn the_tool_is_the_first_of_the_creators() {
    for (creators, tool, version) in [
        (
            r#""Organization: Anchore, Inc", "Tool: syft-1.4.1""#,
            "syft",
            Some("1.4.1"),
        ),
        (
            r#""Tool: trivy-0.59.1-next-2""#,
            "trivy",
            Some("0.59.1-next-2"),
        ),
        (r#""Tool: sbom-tool-v2""#, "sbom-tool", Some("v2")),
        (
            r#""Tool: GitHub.com-Dependency-Graph""#,
            "GitHub.com-Dependency-Graph",
            None,
        ),
        (r#""Person: Ada""#, "", None),
    ] {
        let evidence = of(&format!(r#""creationInfo": {{"creators": [{creators}]}}"#));
        let report = &evidence.reports[0];
        assert_eq!(
            (&*report.tool, report.version.as_deref()),
            (tool, version),
            "{creators}"
        );
    }
}

#[test]
fn what_is_wrong_is_named() {
    for (text, expected) in [
        (
            r#"{"spdxVersion": "SPDX-2.1"}"#,
            "spdxVersion: version \"SPDX-2.1\" is not read; those that are: SPDX-2.2, SPDX-2.3",
        ),
        (
            r#"{"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": []}"#,
            "@context: version \"https://spdx.org/rdf/3.0.1/spdx-context.jsonld\" is not read; those that are: SPDX-2.2, SPDX-2.3",
        ),
        (
            r#"{"spdxVersion": "SPDX-2.3", "packages": [{"SPDXID": "a"}]}"#,
            "packages[0]: missing field `name`",
        ),
        (
            r#"{"spdxVersion": "SPDX-2.3", "packages": [{"SPDXID": "a", "name": ""}]}"#,
            "packages[0].name: an empty text where a name is needed",
        ),
        (
            r#"{"spdxVersion": "SPDX-2.3", "packages": 1}"#,
            "packages: invalid type: integer `1`, expected a sequence",
        ),
        (
            r#"{"spdxVersion": "SPDX-2.3", "creationInfo": {"created": "now"}}"#,
            "creationInfo.created: \"now\" is no time by RFC 3339",
        ),
    ] {
        let wrong = read(text).unwrap_err();
        let place = wrong.place.split(" (line").next().unwrap();
        assert_eq!(format!("{place}: {}", wrong.reason), expected, "{text}");
    }
}

#[test]
fn a_small_document_cannot_ask_for_a_large_memory() {
    let name = "x".repeat(100_000);
    let licences = vec!["LicenseRef-1"; 10_000].join(" AND ");
    let text = format!(
        r#"{{"spdxVersion": "SPDX-2.3", "hasExtractedLicensingInfos": [{{"licenseId": "LicenseRef-1", "name": "{name}"}}],
        "packages": [{{"SPDXID": "a", "name": "a", "versionInfo": "1", "licenseDeclared": "{licences}"}}]}}"#
    );
    let wrong = read(&text).unwrap_err();
    assert_eq!(
        wrong.to_string(),
        "packages[0]: said for so many items, it is more than 256 MiB"
    );
}
