//! Quarantine: remembers images that a scan found too bad, and refuses them until a better scan, a person, or time
//! releases them.

use std::time::{Duration, SystemTime};

use serde::Serialize;
use touchstone_sdk::prelude::*;
use touchstone_sdk::{clock, store};

/// The settings. Levels are CIPolicE's: 0 none, 1 unknown, 2 negligible, 3 low, 4 medium, 5 high, 6 critical, 7 defcon1.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Quarantine {
    /// The level from which on a scan puts an image into quarantine.
    #[serde(default = "high")]
    #[schemars(range(min = 0.0, max = 7.0))]
    hold_from: f64,
    /// How many seconds after its last bad scan an image is forgotten; never, if not given.
    #[schemars(range(min = 1))]
    forget: Option<u64>,
}

fn high() -> f64 {
    5.0
}

/// A number; or the list `[max, avg, conv]`, of which the worst counts.
#[derive(Deserialize)]
#[serde(untagged)]
enum Reported {
    Number(f64),
    List([f64; 3]),
}

/// What is kept of an image in quarantine.
#[derive(Serialize, Deserialize)]
struct Held {
    /// Seconds since 1970-01-01T00:00:00Z.
    since: u64,
    why: String,
}

/// Who releases an image, and why.
#[derive(Deserialize)]
struct Release {
    who: String,
    why: String,
}

impl Policy for Quarantine {
    const KINDS: &'static [&'static str] = &[
        "image.scanned",
        "image.review",
        "pod.review",
        "image.released",
    ];
    const NEEDS: &'static [touchstone_sdk::Need] = &[
        ("store", "the images in quarantine, since when and why"),
        ("clock", "how long an image has been there"),
    ];

    fn evaluate(&self, event: &Event) -> Result<Outcome, Undecided> {
        match event.kind.as_str() {
            "image.scanned" => self.scanned(event),
            "image.review" | "pod.review" => reviewed(event),
            "image.released" => released(event),
            other => Err(Undecided::new(format!(
                "{other} events say nothing about a quarantine"
            ))),
        }
    }
}

impl Quarantine {
    fn scanned(&self, event: &Event) -> Result<Outcome, Undecided> {
        let image = only_image(event)?;
        let level = match event.require("/level")? {
            Reported::Number(level) | Reported::List([level, _, _]) => level,
        };
        if !(0.0..=7.0).contains(&level) {
            let why = format!("level {level} is not on the scale of 0 to 7");
            return Err(Undecided::new(why));
        }
        if level < self.hold_from {
            if !release(image.name()?)? {
                return Ok(Outcome::default());
            }
            let message = format!("released: the scan found level {level} only");
            return Ok(Finding::info("released", message).on(image.text).into());
        }
        let why = format!("the scan found level {level}");
        for key in keys(image.name()?) {
            self.hold(&key, &why)?;
        }
        let message = format!(
            "{why}; from {} on images are put into quarantine",
            self.hold_from
        );
        Ok(Finding::deny("quarantined", message).on(image.text).into())
    }

    /// Another bad scan does not begin the time anew, but it keeps the image from being forgotten.
    fn hold(&self, key: &str, why: &str) -> Result<(), Undecided> {
        let since = match store::get::<Held>(key)? {
            Some(held) => held.since,
            None => now()?,
        };
        let why = why.to_owned();
        let held = Held { since, why };
        match self.forget {
            Some(seconds) => store::put_for(key, &held, Duration::from_secs(seconds))?,
            None => store::put(key, &held)?,
        }
        Ok(())
    }
}

fn reviewed(event: &Event) -> Result<Outcome, Undecided> {
    let mut outcome = Outcome::default();
    for image in event.images() {
        for key in keys(image.name()?) {
            let Some(held) = store::get::<Held>(&key)? else {
                continue;
            };
            let age = spelled(now()?.saturating_sub(held.since));
            let message = format!("in quarantine for {age}: {}", held.why);
            outcome.push(
                Finding::deny("quarantined", message)
                    .on(&image.text)
                    .remedy("rebuild it and have it scanned, or let somebody release it"),
            );
            break;
        }
    }
    Ok(outcome)
}

fn released(event: &Event) -> Result<Outcome, Undecided> {
    let image = only_image(event)?;
    let Release { who, why } = event.data()?;
    if who.trim().is_empty() || why.trim().is_empty() {
        return Err(Undecided::new("a release says who, and why"));
    }
    let finding = if release(image.name()?)? {
        Finding::info("released", format!("released by {who}: {why}"))
    } else {
        Finding::info(
            "not-held",
            "there is nothing to release: it is not in quarantine",
        )
    };
    Ok(finding.on(image.text).into())
}

/// Whether there was anything to release.
fn release(name: &ImageName) -> Result<bool, Undecided> {
    let mut held = false;
    for key in keys(name) {
        if store::entry(&key)?.is_some() {
            store::delete(&key)?;
            held = true;
        }
    }
    Ok(held)
}

/// Where an image is held: under repository and tag, and under its digest, as far as they are named. So a tag that is
/// bad stays refused when a digest is written behind it, and a digest that is bad when the tag is moved away from it. No
/// tag and no digest is what a runtime takes for `latest`.
fn keys(name: &ImageName) -> Vec<String> {
    let tag = match (&name.tag, &name.digest) {
        (Some(tag), _) => Some(tag.as_str()),
        (None, Some(_)) => None,
        (None, None) => Some("latest"),
    };
    let tagged = tag.map(|tag| format!("{}:{tag}", name.full_repository()));
    let names = tagged.into_iter().chain(name.digest.clone());
    names.map(|name| store::key(["held", &name])).collect()
}

fn only_image(event: &Event) -> Result<Image, Undecided> {
    let mut images = event.images();
    match (images.pop(), images.is_empty()) {
        (Some(image), true) => Ok(image),
        _ => Err(Undecided::new(format!("{} is about one image", event.kind))),
    }
}

/// Seconds since 1970.
fn now() -> Result<u64, Undecided> {
    let since = clock::now()?.duration_since(SystemTime::UNIX_EPOCH)?;
    Ok(since.as_secs())
}

/// In the largest unit of which there are at least two.
fn spelled(seconds: u64) -> String {
    match (seconds / 60, seconds / 3600, seconds / 86400) {
        (_, _, days @ 2..) => format!("{days} days"),
        (_, hours @ 2.., _) => format!("{hours} hours"),
        (minutes @ 2.., _, _) => format!("{minutes} minutes"),
        _ => format!("{seconds} seconds"),
    }
}

touchstone_sdk::export!(Quarantine);

#[cfg(test)]
mod tests {
    use super::*;
    use touchstone_sdk::testing::{Host, TestEvent, stored, stored_for};

    const TAG: &str = "held/docker.io~1acme~1web:1";
    const HOUR: u64 = 3600;

    fn digest() -> String {
        format!("sha256:{}", "ab".repeat(32))
    }

    /// Two hours after the epoch.
    fn host() -> Host {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(2 * HOUR);
        Host::new()
            .grant("store", "held/*")
            .grant("clock", "now")
            .now(now)
    }

    fn holding(keys: &[&str]) -> Host {
        let held = json!({"since": 0, "why": "the scan found level 6"});
        keys.iter()
            .fold(host(), |host, key| host.stored(key, held.clone()))
    }

    fn ids(host: Host, settings: Value, event: TestEvent) -> Vec<(String, Level)> {
        let outcome = host.evaluate::<Quarantine>(settings, event).unwrap();
        outcome
            .findings
            .into_iter()
            .map(|finding| (finding.id, finding.level))
            .collect()
    }

    fn scan(image: &str, level: Value) -> TestEvent {
        TestEvent::new("image.scanned")
            .data(json!({"image": image, "level": level}))
            .image("/image", image)
    }

    fn review(images: &[&str]) -> TestEvent {
        let event = TestEvent::new("pod.review");
        images.iter().fold(event, |event, image| {
            event.image("/spec/containers/0/image", image)
        })
    }

    fn denied() -> (String, Level) {
        ("quarantined".to_owned(), Level::Deny)
    }

    #[test]
    fn a_bad_scan_puts_an_image_into_quarantine() {
        let both = format!("acme/web:1@{}", digest());
        for (image, level) in [("acme/web:1", json!(5)), (&both, json!([7, 1, 2]))] {
            assert_eq!(ids(host(), json!({}), scan(image, level)), [denied()]);
            assert_eq!(stored(TAG).unwrap()["since"], 2 * HOUR, "{image}");
        }
        assert_eq!(
            stored(&format!("held/{}", digest())).unwrap()["why"],
            "the scan found level 7"
        );
        assert_eq!(
            ids(host(), json!({"holdFrom": 6}), scan("acme/web:1", json!(5))),
            []
        );
        assert_eq!(stored(TAG), None);
    }

    #[test]
    fn time_releases_where_it_is_said_to() {
        ids(host(), json!({"forget": 60}), scan("acme/web:1", json!(6)));
        assert_eq!(stored_for(TAG), Some(Duration::from_secs(60)));
        ids(holding(&[TAG]), json!({}), scan("acme/web:1", json!(7)));
        assert_eq!(stored_for(TAG), None);
        assert_eq!(
            stored(TAG),
            Some(json!({"since": 0, "why": "the scan found level 7"}))
        );
        assert_eq!(
            host().configure::<Quarantine>(json!({"forget": 0})).len(),
            1
        );
    }

    #[test]
    fn what_is_held_is_refused_by_whatever_name() {
        let by_digest = format!("held/{}", digest());
        let pinned = format!("acme/web@{}", digest());
        for (key, image, expected) in [
            (TAG, "acme/web:1", 1),
            (TAG, "docker.io/acme/web:1", 1),
            (TAG, &format!("acme/web:1@{}", digest()), 1),
            (TAG, "acme/web:2", 0),
            (TAG, "acme/web", 0),
            (TAG, &pinned, 0),
            (TAG, "registry.example.com:5000/acme/web:1", 0),
            ("held/docker.io~1acme~1web:latest", "acme/web", 1),
            (&by_digest, &pinned, 1),
            (
                &by_digest,
                &format!("mirror.example.com/else@{}", digest()),
                1,
            ),
            (&by_digest, "acme/web:1", 0),
        ] {
            let found = ids(holding(&[key]), json!({}), review(&["nginx", image]));
            assert_eq!(found, vec![denied(); expected], "{image} with {key}");
        }
        let outcome = holding(&[TAG])
            .evaluate::<Quarantine>(json!({}), review(&["acme/web:1"]))
            .unwrap();
        assert_eq!(
            outcome.findings[0].message,
            "in quarantine for 2 hours: the scan found level 6"
        );
        assert!(
            host()
                .evaluate::<Quarantine>(json!({}), review(&["no image"]))
                .is_err()
        );
    }

    #[test]
    fn a_good_scan_or_a_person_releases() {
        let by_digest = format!("held/{}", digest());
        let info = |id: &str| vec![(id.to_owned(), Level::Info)];
        let release = |image| {
            let data = json!({"image": image, "who": "ops@example.com", "why": "false alarm"});
            TestEvent::new("image.released")
                .data(data)
                .image("/image", image)
        };
        for event in [scan("acme/web:1", json!(2)), release("acme/web:1")] {
            assert_eq!(
                ids(holding(&[TAG, &by_digest]), json!({}), event),
                info("released")
            );
            // The name that was not named stays.
            assert_eq!((stored(TAG), stored(&by_digest).is_some()), (None, true));
        }
        assert_eq!(
            ids(holding(&[TAG]), json!({}), release("acme/web:2")),
            info("not-held")
        );
        assert_eq!(
            ids(holding(&[TAG]), json!({}), scan("acme/web:2", json!(2))),
            []
        );
        assert!(stored(TAG).is_some());
    }

    #[test]
    fn what_is_unclear_changes_nothing() {
        let release = |data| {
            TestEvent::new("image.released")
                .data(data)
                .image("/image", "acme/web:1")
        };
        for event in [
            release(json!({})),
            release(json!({"who": "ops@example.com"})),
            release(json!({"who": " ", "why": "false alarm"})),
            scan("acme/web:1", json!(-1)),
            scan("acme/web:1", json!("low")),
            TestEvent::new("image.scanned").data(json!({"level": 1})),
            TestEvent::new("event").image("/image", "acme/web:1"),
        ] {
            let outcome = holding(&[TAG]).evaluate::<Quarantine>(json!({}), event.clone());
            assert!(outcome.is_err() && stored(TAG).is_some(), "{event:?}");
        }
    }

    #[test]
    fn a_time_is_spelled_in_its_unit() {
        for (seconds, expected) in [
            (0, "0 seconds"),
            (119, "119 seconds"),
            (120, "2 minutes"),
            (2 * HOUR, "2 hours"),
            (47 * HOUR, "47 hours"),
            (100 * HOUR, "4 days"),
        ] {
            assert_eq!(spelled(seconds), expected);
        }
    }
}
