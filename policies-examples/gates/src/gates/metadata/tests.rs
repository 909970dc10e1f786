use crate::gates::tests::run;
use touchstone_sdk::prelude::*;

fn image() -> Value {
    json!({
        "configuration": {"size": 209715200, "architecture": "amd64"},
        "distribution": {"name": "debian", "version": "12", "like": ["ubuntu"]},
        "layers": [{}, {}, {}],
    })
}

fn ask(attribute: &str, check: &str, value: &str) -> Value {
    json!({"attribute": attribute, "check": check, "value": value})
}

#[test]
fn an_attribute_is_compared_as_what_it_is() {
    const SIZE: &str = "Attribute check for attribute: 'size' check: '>' check_value: '104857600' matched image value: '209715200'";
    run(
        "metadata.attribute",
        [
            ("fixed", ask("size", ">", "100MB"), image(), vec![SIZE]),
            ("exact", ask("size", ">", "100mb"), image(), vec![SIZE]),
            ("fixed", ask("size", "<=", "100mb"), image(), vec![]),
            (
                "fixed",
                ask("layer_count", ">=", "3"),
                image(),
                vec![
                    "Attribute check for attribute: 'layer_count' check: '>=' check_value: '3' matched image value: '3'",
                ],
            ),
            (
                "fixed",
                ask("distro", "in", "alpine, debian"),
                image(),
                vec![
                    "Attribute check for attribute: 'distro' check: 'in' check_value: 'alpine, debian' matched image value: 'debian'",
                ],
            ),
            (
                "fixed",
                ask("distro", "not_in", "alpine"),
                image(),
                vec![
                    "Attribute check for attribute: 'distro' check: 'not_in' check_value: 'alpine' matched image value: 'debian'",
                ],
            ),
            (
                "fixed",
                ask("like_distro", "like", "ub"),
                image(),
                vec![
                    "Attribute check for attribute: 'like_distro' check: 'like' check_value: 'ub' matched image value: 'ubuntu'",
                ],
            ),
            (
                "fixed",
                ask("architecture", "!=", "arm64"),
                image(),
                vec![
                    "Attribute check for attribute: 'architecture' check: '!=' check_value: 'arm64' matched image value: 'amd64'",
                ],
            ),
            (
                "fixed",
                ask("architecture", "not_like", "amd"),
                image(),
                vec![],
            ),
            (
                "fixed",
                json!({"attribute": "distro", "check": "exists"}),
                image(),
                vec![
                    "Attribute check for attribute: 'distro' check: 'exists' check_value: 'None' matched image value: 'debian'",
                ],
            ),
            (
                "fixed",
                json!({"attribute": "os_type", "check": "not_exists"}),
                image(),
                vec![
                    "Attribute check for attribute: 'os_type' check: 'not_exists' check_value: '' matched image value: 'None'",
                ],
            ),
            (
                "exact",
                json!({"attribute": "distro", "check": "="}),
                image(),
                vec![],
            ),
        ],
    );
}

#[test]
fn a_version_of_a_distribution_is_a_version() {
    const OLDER: &str = "Attribute check for attribute: 'distro_version' check: '<' check_value: '9' matched image value: '12'";
    run(
        "metadata.attribute",
        [
            ("fixed", ask("distro_version", "<", "9"), image(), vec![]),
            (
                "exact",
                ask("distro_version", "<", "9"),
                image(),
                vec![OLDER],
            ),
            (
                "fixed",
                ask("distro_version", "=", "12"),
                image(),
                vec![
                    "Attribute check for attribute: 'distro_version' check: '=' check_value: '12' matched image value: '12'",
                ],
            ),
            (
                "fixed",
                ask("distro_version", ">", "bookworm"),
                image(),
                vec![],
            ),
        ],
    );
}

#[test]
fn what_is_not_known_is_not_compared() {
    run(
        "metadata.attribute",
        [
            (
                "fixed",
                ask("size", ">", "1"),
                json!({}),
                vec!["needs a report with the image's size"],
            ),
            (
                "fixed",
                ask("size", ">", "1"),
                json!({"configuration": {}}),
                vec!["needs a report with the image's size"],
            ),
            (
                "exact",
                ask("distro", "=", "x"),
                json!({}),
                vec!["needs a report with the image's distro"],
            ),
            (
                "fixed",
                ask("os_type", "=", "linux"),
                image(),
                vec!["needs a report with the image's os type"],
            ),
            (
                "fixed",
                ask("layer_count", "=", "1"),
                json!({}),
                vec!["needs a report with the image's layer count"],
            ),
        ],
    );
}
