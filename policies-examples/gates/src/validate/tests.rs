use touchstone_sdk::prelude::*;

use crate::tests::{bundle, problems, with};

#[test]
fn everything_that_is_wrong_with_a_bundle_is_told_at_once() {
    let rule = |gate: &str, trigger: &str, action: &str, params: Value| json!({"gate": gate, "trigger": trigger, "action": action, "params": params});
    let selector =
        |image: Value| json!({"registry": "*", "repository": "regexp:(", "image": image});
    let any = json!({"type": "tag", "value": "*"});
    let bundle = json!({
        "version": "2",
        "policies": [
            {"id": "p", "version": "1_0", "rules": [
                rule("dockerfile", "instruction", "HALT", json!([])),
                rule("dockerfile", "instruction", "STOP", json!([{"name": "instruction", "value": "from"}, {"name": "check", "value": "="}])),
                rule("dockerfile", "instruction", "STOP", json!([{"name": "Instruction", "value": "FROM"}, {"name": "check", "value": "like"}, {"name": "value", "value": "(?=x)"}])),
                rule("gatekeeper", "x", "STOP", json!([])),
                rule("anchoresec", "cvehigh", "STOP", json!([])),
                rule("files", "name", "STOP", json!([])),
                rule("always", "always", "STOP", json!([{"name": "when", "value": "now"}])),
                rule("files", "name_match", "GO", json!([{"name": "regex", "value": "*\\.pem"}, {"name": "regex", "value": "a"}, {"value": "b"}])),
                rule("metadata", "attribute", "GO", json!([{"name": "attribute", "value": "size"}, {"name": "check", "value": ">"}, {"name": "value", "value": "big"}])),
                {"params": []},
            ]},
            {"id": "twice", "version": "1_0"}, {"id": "twice", "version": "1_0"},
            {"id": "old", "version": "0_9"},
            {"id": "unused", "version": "0", "rules": [rule("x", "y", "z", json!([]))]},
        ],
        "whitelists": [{"id": "w", "items": [{"trigger_id": "regexp:("}, {"gate": "files", "trigger_id": "x", "expires_on": "soon"}, {"gate": "files"}]}],
        "mappings": [
            {"registry": "*", "repository": "*", "image": any, "policy_id": "p", "policy_ids": ["p"]},
            {"registry": "*", "repository": "*", "image": any, "policy_ids": []},
            {"registry": "*", "repository": "*", "image": any, "policy_ids": ["p", "twice", "old", "none"], "whitelist_ids": ["w", "v"]},
            {"repository": "*", "image": {"type": "label", "value": "*"}, "policy_id": "p"},
        ],
        "whitelisted_images": [selector(json!({"type": "tag"}))],
        "denied_images": [{}],
    });
    let found = problems(bundle);
    let expected = [
        ": key \"id\" is missing",
        "/denied_images/0: key \"image\" is missing",
        "/denied_images/0: key \"registry\" is missing",
        "/denied_images/0: key \"repository\" is missing",
        "/mappings/0: policy_id and policy_ids are both given: use one of them",
        "/mappings/1: neither policy_id nor policy_ids is given",
        "/mappings/2/policy_ids/1: \"twice\" is the id of /policies/1 and /policies/2",
        "/mappings/2/policy_ids/3: there is no policy \"none\"",
        "/mappings/2/whitelist_ids/1: there is no allowlist \"v\"",
        "/mappings/3/image/type: \"label\" is none of tag, digest, id",
        "/mappings/3: key \"registry\" is missing",
        "/policies/0/rules/0/action: \"HALT\" is none of GO, WARN, STOP",
        "/policies/0/rules/0/params: parameter check is missing",
        "/policies/0/rules/0/params: parameter instruction is missing",
        "/policies/0/rules/1/params/0/value: instruction: \"from\" is none of ADD,",
        "/policies/0/rules/1/params: parameter value is missing",
        "/policies/0/rules/3/gate: unknown gate \"gatekeeper\"",
        "/policies/0/rules/4/gate: gate anchoresec is end-of-life: use vulnerabilities",
        "/policies/0/rules/5/trigger: gate files has no trigger \"name\"",
        "/policies/0/rules/6/params/0/name: unknown parameter \"when\"; this trigger takes none",
        "/policies/0/rules/7/params/1/name: regex is given twice",
        "/policies/0/rules/7/params/2/name: a parameter needs a name",
        "/policies/0/rules/8/params/2/value: value: \"big\" is not a size",
        "/policies/0/rules/9: key \"action\" is missing",
        "/policies/0/rules/9: key \"gate\" is missing",
        "/policies/0/rules/9: key \"trigger\" is missing",
        "/policies/3/version: version \"0_9\" is not supported",
        "/version: version \"2\" is not supported",
        "/whitelisted_images/0/image: key \"value\" is missing",
        "/whitelisted_images/0/repository: \"(\" cannot be read: not a regular expression",
        "/whitelists/0/items/0/trigger_id: \"(\" cannot be read: not a regular expression",
        "/whitelists/0/items/0: key \"gate\" is missing",
        "/whitelists/0/items/1/expires_on: \"soon\" is not a time",
        "/whitelists/0/items/2: key \"trigger_id\" is missing",
        "/whitelists/0: key \"version\" is missing",
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for expected in expected {
        assert!(
            found.iter().any(|found| found.starts_with(expected)),
            "{expected} is not in {found:#?}"
        );
    }
}

#[test]
fn foreign_keys_are_let_pass_and_own_ones_are_not() {
    let bundle = bundle(&[("p", vec![])]);
    let own = |own: Value| {
        with(
            bundle.clone(),
            json!({"last_updated": 1, "description": "", "touchstone": own}),
        )
    };
    assert_eq!(
        problems(own(json!({"compat": "exact", "missing": "fire"}))),
        Vec::<String>::new()
    );
    let found = problems(own(json!({"compta": "exact", "missing": "pass"})));
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(
        found
            .iter()
            .any(|line| line.starts_with("/touchstone/compta: unknown key")),
        "{found:#?}"
    );
    assert!(
        found
            .iter()
            .any(|line| line.starts_with("/touchstone/missing")),
        "{found:#?}"
    );
    let found = problems(with(
        bundle,
        json!({"policies": [{"id": 1, "rules": {}}], "mappings": "all"}),
    ));
    assert_eq!(found.len(), 3, "{found:#?}");
}
