//! The validations that people write most, in the style of Kubernetes' documentation.

use super::*;

fn deployment(replicas: u32, labels: Value, spec: Value) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "labels": labels},
        "spec": {"replicas": replicas, "template": {"spec": spec}}
    })
}

fn pod(spec: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": spec})
}

fn named(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
}

/// Settings, what passes, and what does not, with what is said of it.
fn check(settings: Value, good: TestEvent, bad: TestEvent, message: &str) {
    let findings = judge(settings.clone(), good).unwrap();
    assert!(findings.is_empty(), "{settings}: {findings:?}");
    let findings = judge(settings.clone(), bad).unwrap();
    let messages: Vec<&str> = findings.iter().map(|found| &*found.message).collect();
    assert_eq!(messages, [message], "{settings}");
    assert_eq!(findings[0].level, Level::Deny);
}

fn one(expression: &str, message: &str) -> Value {
    json!({"validations": [{"expression": expression, "message": message}]})
}

#[test]
fn replicas_are_limited() {
    let expression = "object.spec.replicas <= 5";
    check(
        json!({"validations": [{"expression": expression}]}),
        create(deployment(5, json!({}), json!({}))),
        create(deployment(6, json!({}), json!({}))),
        "failed expression: object.spec.replicas <= 5",
    );
}

#[test]
fn labels_are_required() {
    let expression =
        "has(object.metadata.labels) && ['team', 'env'].all(key, key in object.metadata.labels)";
    let settings = one(expression, "the labels team and env are required");
    let labelled = deployment(1, json!({"team": "a", "env": "prod"}), json!({}));
    let unlabelled = deployment(1, json!({"team": "a"}), json!({}));
    let message = "the labels team and env are required";
    check(
        settings.clone(),
        create(labelled.clone()),
        create(unlabelled),
        message,
    );
    check(settings, create(labelled), create(pod(json!({}))), message);
}

#[test]
fn images_come_from_one_registry() {
    let expression = "object.spec.containers.all(c, c.image.startsWith('registry.example.com/'))";
    check(
        one(expression, "images come from registry.example.com"),
        create(pod(
            json!({"containers": [{"image": "registry.example.com/web:1"}]}),
        )),
        create(pod(
            json!({"containers": [{"image": "registry.example.com/web:1"}, {"image": "evil.example.com/x"}]}),
        )),
        "images come from registry.example.com",
    );
}

#[test]
fn tags_are_pinned() {
    let expression = "object.spec.containers.all(c, c.image.contains('@') || (c.image.matches(':[^/]+$') && !c.image.endsWith(':latest')))";
    for (good, bad) in [
        ("web:1", "web:latest"),
        ("web@sha256:00", "web"),
        ("localhost:5000/web:1", "localhost:5000/web"),
    ] {
        check(
            one(expression, "pin a tag other than latest"),
            create(pod(json!({"containers": [{"image": good}]}))),
            create(pod(json!({"containers": [{"image": bad}]}))),
            "pin a tag other than latest",
        );
    }
}

#[test]
fn nobody_runs_as_root() {
    let settings = json!({
        "variables": [{"name": "pod", "expression": "object.spec.?securityContext.?runAsNonRoot.orValue(false)"}],
        "validations": [{
            "expression": "object.spec.containers.all(c, c.?securityContext.?runAsNonRoot.orValue(variables.pod))",
            "message": "runAsNonRoot must be true",
        }]
    });
    let good = json!({"securityContext": {"runAsNonRoot": true}, "containers": [{"name": "a"}]});
    let bad = json!({"securityContext": {"runAsNonRoot": true}, "containers": [{"name": "a", "securityContext": {"runAsNonRoot": false}}]});
    check(
        settings.clone(),
        create(pod(good.clone())),
        create(pod(bad)),
        "runAsNonRoot must be true",
    );
    check(
        settings,
        create(pod(good)),
        create(pod(json!({"containers": [{}]}))),
        "runAsNonRoot must be true",
    );
}

#[test]
fn hosts_keep_their_folders() {
    let expression = "!has(object.spec.volumes) || object.spec.volumes.all(v, !has(v.hostPath))";
    check(
        one(expression, "no hostPath"),
        create(pod(json!({"containers": []}))),
        create(pod(
            json!({"volumes": [{"name": "a", "emptyDir": {}}, {"name": "b", "hostPath": {"path": "/"}}]}),
        )),
        "no hostPath",
    );
}

#[test]
fn no_container_is_privileged() {
    let settings = json!({
        "variables": [{
            "name": "all",
            "expression": "object.spec.containers + object.spec.?initContainers.orValue([]) + object.spec.?ephemeralContainers.orValue([])",
        }],
        "validations": [{
            "expression": "variables.all.all(c, !has(c.securityContext) || !has(c.securityContext.privileged) || !c.securityContext.privileged)",
            "messageExpression": "'privileged: ' + variables.all.filter(c, c.?securityContext.?privileged.orValue(false)).map(c, c.name).join(', ')",
        }]
    });
    let bad = json!({
        "containers": [{"name": "web"}],
        "initContainers": [{"name": "setup", "securityContext": {"privileged": true}}],
    });
    check(
        settings,
        create(pod(
            json!({"containers": [{"name": "web", "securityContext": {"privileged": false}}]}),
        )),
        create(pod(bad)),
        "privileged: setup",
    );
}

#[test]
fn resources_have_limits() {
    let expression = "object.spec.containers.all(c, has(c.resources.limits) && has(c.resources.limits.memory) \
                      && !quantity(c.resources.limits.memory).isGreaterThan(quantity('1Gi')))";
    let with =
        |memory: &str| pod(json!({"containers": [{"resources": {"limits": {"memory": memory}}}]}));
    for (good, bad) in [("512Mi", "1.5Gi"), ("1073741824", "2e9")] {
        check(
            one(expression, "at most 1Gi"),
            create(with(good)),
            create(with(bad)),
            "at most 1Gi",
        );
    }
    let without = pod(json!({"containers": [{"resources": {}}]}));
    check(
        one(expression, "at most 1Gi"),
        create(with("1Mi")),
        create(without),
        "at most 1Gi",
    );
}

#[test]
fn some_fields_never_change() {
    let settings = json!({
        "matchConditions": [{"name": "updates", "expression": "request.operation == 'UPDATE'"}],
        "validations": [{"expression": "object.spec.selector == oldObject.spec.selector", "message": "selector is immutable", "reason": "Invalid"}]
    });
    let with = |app: &str| json!({"kind": "Deployment", "spec": {"selector": {"matchLabels": {"app": app}}}});
    check(
        settings.clone(),
        review("UPDATE", with("a"), with("a")),
        review("UPDATE", with("b"), with("a")),
        "selector is immutable",
    );
    assert_eq!(
        judge(settings, create(with("b"))).map(|found| found.len()),
        Ok(0)
    );
}

#[test]
fn names_follow_a_pattern() {
    let expression = r"object.metadata.name.matches('^[a-z]+-(dev|test|prod)$')";
    check(
        one(expression, "call it TEAM-STAGE"),
        create(named("shop-prod")),
        create(named("shop-production")),
        "call it TEAM-STAGE",
    );
}

#[test]
fn limits_come_from_params() {
    let settings = json!({
        "params": {"maxReplicas": 3, "exempt": ["kube-system"]},
        "matchConditions": [{"name": "not exempt", "expression": "!(request.namespace in params.exempt)"}],
        "validations": [{
            "expression": "object.spec.replicas <= params.maxReplicas",
            "messageExpression": "'at most %d replicas, not %d'.format([params.maxReplicas, object.spec.replicas])",
        }]
    });
    check(
        settings,
        create(deployment(3, json!({}), json!({}))),
        create(deployment(4, json!({}), json!({}))),
        "at most 3 replicas, not 4",
    );
}

#[test]
fn users_and_groups_matter() {
    let settings = one(
        "request.userInfo.groups.exists(g, g in ['admins', 'dev']) && request.userInfo.username != 'eve'",
        "not you",
    );
    assert_eq!(
        judge(settings, create(pod(json!({})))).map(|found| found.len()),
        Ok(0)
    );
}
