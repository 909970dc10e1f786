//! CIPolicE's `clair.rules` with types: on a scan's message, `{"image": "nginx:latest", "level": 3}`, it tells the
//! maintainer of a good image, and blocks, marks and reports a bad one.

use touchstone_sdk::prelude::*;
use touchstone_sdk::{Action, command, notify, webhook};

/// The longest idempotency key, in bytes.
const MAX_KEY: usize = 256;

/// The settings. Levels are CIPolicE's: 0 none, 1 unknown, 2 negligible, 3 low, 4 medium, 5 high, 6 critical, 7 defcon1.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ActOnScan {
    /// The level from which on an image is blocked.
    #[serde(default = "low")]
    #[schemars(range(min = 0.0, max = 7.0))]
    block_from: f64,
    /// Which number counts when a message brings the list `[max, avg, conv]`.
    #[serde(default)]
    measure: Measure,
    /// Who gets a mail about an image that is not blocked.
    maintainer: Option<String>,
    /// The mail server, by its name in touchstone.yaml, where there are several.
    server: Option<String>,
    /// The command that marks a blocked image, by its name in touchstone.yaml; it has the placeholder `image`.
    command: Option<String>,
    /// The URL that gets the message about a blocked image.
    webhook: Option<String>,
    /// What the host is to add to that request, by its name in touchstone.yaml.
    credentials: Option<String>,
}

/// The numbers of a list, in its order.
#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Measure {
    /// The worst vulnerability.
    #[default]
    Max,
    /// The mean.
    Avg,
    /// The mean, raised by their number.
    Conv,
}

fn low() -> f64 {
    3.0
}

/// A number over HTTP, a list over AMQP.
#[derive(Deserialize)]
#[serde(untagged)]
enum Reported {
    Number(f64),
    List([f64; 3]),
}

impl Policy for ActOnScan {
    const KINDS: &'static [&'static str] = &["image.scanned"];
    const NEEDS: &'static [touchstone_sdk::Need] = &[
        ("notify", "tells the maintainer of an image that passed"),
        ("command", "marks an image that was denied"),
        ("webhook", "reports an image that was denied"),
    ];

    fn check(&self) -> Vec<Problem> {
        let lonely = |path: &str, given: &Option<String>, needed: &str, other: &Option<String>| {
            (given.is_some() && other.is_none()).then(|| Problem {
                path: path.to_owned(),
                message: format!("means nothing without {needed}"),
            })
        };
        let problems = [
            lonely("/server", &self.server, "maintainer", &self.maintainer),
            lonely("/credentials", &self.credentials, "webhook", &self.webhook),
        ];
        problems.into_iter().flatten().collect()
    }

    fn evaluate(&self, event: &Event) -> Result<Outcome, Undecided> {
        let images = event.images();
        let [image] = images.as_slice() else {
            return Err(Undecided::new("a scan is of one image"));
        };
        image.name()?;
        let (image, level) = (image.text.as_str(), self.level(event)?);
        if level < self.block_from {
            self.notify_maintainer(image, level)?;
            let message = format!("the scan found level {level}, which is good enough");
            return Ok(Finding::info("scan-level", message).on(image).into());
        }
        self.mark(image, event)?;
        self.report(event)?;
        let message = format!(
            "the scan found level {level}; from {} on images are blocked",
            self.block_from
        );
        let finding = Finding::deny("blockimage", message).on(image);
        Ok(Outcome::from(finding.remedy("rebuild the image on a newer base")).stop())
    }
}

impl ActOnScan {
    /// The level that counts. What is off the scale "should not be reached", say the rules: nobody knows what it means.
    fn level(&self, event: &Event) -> Result<f64, Undecided> {
        let level = match (event.require("/level")?, self.measure) {
            (Reported::Number(level), _) => level,
            (Reported::List([max, _, _]), Measure::Max) => max,
            (Reported::List([_, avg, _]), Measure::Avg) => avg,
            (Reported::List([_, _, conv]), Measure::Conv) => conv,
        };
        if (0.0..=7.0).contains(&level) {
            return Ok(level);
        }
        let why = format!("level {level} cannot be: the scale is 0 to 7");
        Err(Undecided::new(why))
    }

    /// Only when the image is allowed in the end: another policy may still deny it. And only once, since nobody wants to
    /// read with each scan that an image is still at the same level.
    fn notify_maintainer(&self, image: &str, level: f64) -> Result<(), Undecided> {
        let Some(maintainer) = &self.maintainer else {
            return Ok(());
        };
        let mut mail = notify::mail(maintainer)
            .subject(format!("{image}: level {level}"))
            .text(format!(
                "The scan of {image} found level {level}. Images are blocked from level {} on.\n",
                self.block_from
            ))
            .when(Condition::Allowed);
        if let Some(server) = &self.server {
            mail = mail.server(server);
        }
        Ok(once(mail, format!("{image} {level}")).stage()?)
    }

    /// With each scan: what was built anew under the same name and is as bad as before has to be marked, too.
    fn mark(&self, image: &str, event: &Event) -> Result<(), Undecided> {
        let Some(command) = &self.command else {
            return Ok(());
        };
        let run = command::run(command)
            .with("image", image)
            .when(Condition::Denied);
        Ok(once(run, scan(event)).stage()?)
    }

    /// Each scan, and in order, so that the last that the receiver hears of an image is what its last scan found.
    fn report(&self, event: &Event) -> Result<(), Undecided> {
        let Some(url) = &self.webhook else {
            return Ok(());
        };
        let mut post = webhook::post(url)
            .json(&event.data::<Value>()?)
            .when(Condition::Denied)
            .ordered();
        if let Some(credentials) = &self.credentials {
            post = post.credentials(credentials);
        }
        Ok(once(post, scan(event)).stage()?)
    }
}

/// A message that is delivered twice is the same scan.
fn scan(event: &Event) -> String {
    format!("{} {}", event.source, event.id)
}

/// An action with a key. It has rather none than one that is cut: two long ones may begin alike.
fn once<R>(action: Action<R>, key: String) -> Action<R> {
    match key.len() {
        0..=MAX_KEY => action.key(key),
        _ => action,
    }
}

touchstone_sdk::export!(ActOnScan);

#[cfg(test)]
mod tests {
    use super::*;
    use touchstone_sdk::testing::{Host, Staged, TestEvent, staged};

    const URL: &str = "https://hooks.example.com/scan";

    fn all() -> Value {
        json!({
            "maintainer": "maintainer@example.com", "server": "ops", "command": "mark", "webhook": URL, "credentials": "hooks",
        })
    }

    fn judge(settings: Value, image: &str, level: Value) -> Result<Outcome, Undecided> {
        let host = Host::new()
            .grant("notify", "*@example.com")
            .grant("command", "mark")
            .grant("webhook", "https://hooks.example.com/*")
            .credentials("hooks");
        let event = TestEvent::new("image.scanned")
            .data(json!({"image": image, "level": level}))
            .image("/image", image);
        host.evaluate::<ActOnScan>(settings, event)
    }

    fn targets() -> Vec<(String, Condition)> {
        let told = |action: Staged| (action.target, action.condition);
        staged().into_iter().map(told).collect()
    }

    #[test]
    fn a_good_image_is_told_of_and_passes() {
        let outcome = judge(all(), "nginx:1.27", json!(2)).unwrap();
        assert_eq!(outcome.findings[0].level, Level::Info);
        assert!(!outcome.stop);
        let expected = ("maintainer@example.com".to_owned(), Condition::Allowed);
        assert_eq!(targets(), [expected]);
        assert_eq!(staged()[0].key.as_deref(), Some("nginx:1.27 2"));
    }

    #[test]
    fn a_bad_image_is_blocked_marked_and_reported() {
        for level in [json!(3), json!(7), json!([4, 1.5, 2])] {
            let outcome = judge(all(), "nginx:1.27", level.clone()).unwrap();
            assert_eq!(outcome.findings[0].id, "blockimage");
            assert!(outcome.stop, "{level}");
            let denied = |target: &str| (target.to_owned(), Condition::Denied);
            assert_eq!(targets(), [denied("mark"), denied(URL)]);
            let report = &staged()[1];
            assert_eq!(report.key.as_deref(), Some("/test test"));
            let message = json!({"image": "nginx:1.27", "level": level});
            assert_eq!(report.request["body"], message);
            assert_eq!(report.request["credentials"], "hooks");
        }
    }

    #[test]
    fn every_action_can_be_left_out() {
        for (left_out, level) in [("maintainer", 2), ("command", 5), ("webhook", 5)] {
            let mut settings = all();
            let given = settings.as_object_mut().unwrap();
            for key in [left_out, "server", "credentials"] {
                given.remove(key);
            }
            let expected = if left_out == "maintainer" { 0 } else { 1 };
            judge(settings, "nginx", json!(level)).unwrap();
            assert_eq!(staged().len(), expected, "{left_out}");
        }
        assert!(judge(json!({}), "nginx", json!(5)).is_ok() && staged().is_empty());
    }

    #[test]
    fn what_counts_is_set() {
        let level =
            |settings: Value, level| judge(settings, "nginx", level).unwrap().findings[0].level;
        assert_eq!(level(json!({"blockFrom": 5}), json!(4.9)), Level::Info);
        assert_eq!(level(json!({"blockFrom": 5}), json!(5)), Level::Deny);
        assert_eq!(
            level(json!({"measure": "avg"}), json!([7, 2, 4])),
            Level::Info
        );
        assert_eq!(
            level(json!({"measure": "conv"}), json!([7, 2, 4])),
            Level::Deny
        );
        let lonely = json!({"server": "ops", "credentials": "hooks"});
        let problems = Host::new().configure::<ActOnScan>(lonely);
        let paths: Vec<&str> = problems
            .iter()
            .map(|problem| problem.path.as_str())
            .collect();
        assert_eq!(paths, ["/server", "/credentials"]);
    }

    #[test]
    fn what_cannot_be_judged_causes_nothing() {
        for (image, level) in [
            ("nginx", json!(8)),
            ("nginx", json!(-1)),
            ("nginx", json!("high")),
            ("nginx", json!(null)),
            ("nginx'; rm -rf /", json!(5)),
        ] {
            assert!(
                judge(all(), image, level.clone()).is_err(),
                "{image} {level}"
            );
            assert_eq!(staged(), []);
        }
        let settings = json!({"webhook": "https://elsewhere.example.org/"});
        let reason = judge(settings, "nginx", json!(5)).unwrap_err();
        assert!(reason.reason().contains("not granted"), "{reason:?}");
    }

    #[test]
    fn a_name_too_long_for_a_key_has_none() {
        let image = format!("registry.example.com/{}:1", "a".repeat(230));
        judge(all(), &image, json!(2)).unwrap();
        assert_eq!(staged()[0].key.as_ref().map(String::len), Some(255));
        judge(all(), &format!("{image}.0"), json!(2)).unwrap();
        assert_eq!(staged()[0].key, None);
    }
}
