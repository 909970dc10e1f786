//! What every store promises, tried on every store.

use bytesize::ByteSize;
use uuid::{NoContext, Timestamp as UuidTime, Uuid};

use super::*;

/// A store of each kind, and what must live as long.
async fn stores() -> Vec<(&'static str, Arc<dyn Store>, Option<tempfile::TempDir>)> {
    let folder = tempfile::tempdir().unwrap();
    let file = State::Sqlite(folder.path().join("deep/state.db"));
    vec![
        ("memory", open(&State::Memory).await.unwrap(), None),
        ("sqlite", open(&file).await.unwrap(), Some(folder)),
    ]
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

fn id_at(second: i64) -> String {
    let seconds = u64::try_from(at(second).as_second()).unwrap();
    Uuid::new_v7(UuidTime::from_unix(NoContext, seconds, 0)).to_string()
}

fn commit(second: i64) -> Commit {
    Commit {
        record: Record {
            id: id_at(second),
            time: at(second),
            subject: Some("nginx:1".to_owned()),
            verdict: Verdict::Allow,
            policies: vec!["one".to_owned(), "two".to_owned()],
            body: format!("{{\"second\":{second}}}"),
        },
        actions: Vec::new(),
        writes: Vec::new(),
        seen: None,
        waivers: Vec::new(),
    }
}

fn action(id: &str, destination: &str) -> Action {
    Action {
        id: id.to_owned(),
        decision: "d".to_owned(),
        policy: "one".to_owned(),
        kind: "webhook".to_owned(),
        target: "https://example.com/a".to_owned(),
        destination: destination.to_owned(),
        lane: None,
        key: Some(format!("key of {id}")),
        subject: None,
        request: "{\"a\":1}".to_owned(),
        since: at(0),
    }
}

fn with_actions(second: i64, actions: Vec<Action>) -> Commit {
    Commit {
        actions,
        ..commit(second)
    }
}

fn put(key: &str, value: &str, expected: Option<Option<u64>>) -> Write {
    Write {
        key: key.to_owned(),
        value: Some(value.to_owned()),
        ttl: None,
        expected,
    }
}

fn with_write(second: i64, policy: &str, write: Write) -> Commit {
    Commit {
        writes: vec![(policy.to_owned(), write)],
        ..commit(second)
    }
}

async fn write(store: &Arc<dyn Store>, commit: Commit, second: i64) -> Written {
    let mut written = store
        .write(&[Entries::Decision(Box::new(commit))], at(second))
        .await
        .unwrap();
    written.remove(0)
}

async fn attempted(
    store: &Arc<dyn Store>,
    id: &str,
    second: i64,
    state: ActionState,
    next: Option<Timestamp>,
) {
    let attempt = Attempt {
        action: id.to_owned(),
        started: at(second),
        duration_ms: 7,
        state,
        next,
        detail: format!("after {second}"),
    };
    store
        .write(&[Entries::Attempt(attempt)], at(second))
        .await
        .unwrap();
}

fn ids(pending: &[Pending]) -> Vec<&str> {
    pending
        .iter()
        .map(|pending| pending.action.id.as_str())
        .collect()
}

#[tokio::test]
async fn decisions_are_found_by_what_they_are_about() {
    for (name, store, _folder) in stores().await {
        let mut batch = Vec::new();
        for second in 0..50 {
            let mut commit = commit(second);
            if second % 10 == 0 {
                commit.record.verdict = Verdict::Deny;
                commit.record.subject = None;
                commit.record.policies = vec!["two".to_owned()];
            }
            batch.push(Entries::Decision(Box::new(commit)));
        }
        store.write(&batch, at(50)).await.unwrap();
        let list = async |query: DecisionQuery| {
            let query = DecisionQuery {
                limit: if query.limit == 0 { 100 } else { query.limit },
                ..query
            };
            let found = store.decisions(&query).await.unwrap();
            found
                .iter()
                .map(|(_, record)| record.time.as_second() - at(0).as_second())
                .collect::<Vec<_>>()
        };
        let all = DecisionQuery::default();
        assert_eq!(
            list(all.clone()).await,
            (0..50).rev().collect::<Vec<_>>(),
            "{name}"
        );
        assert_eq!(
            list(DecisionQuery {
                verdict: Some(Verdict::Deny),
                ..all.clone()
            })
            .await,
            [40, 30, 20, 10, 0],
            "{name}"
        );
        assert_eq!(
            list(DecisionQuery {
                policy: Some("one".into()),
                ..all.clone()
            })
            .await
            .len(),
            45,
            "{name}"
        );
        assert_eq!(
            list(DecisionQuery {
                policy: Some("on".into()),
                ..all.clone()
            })
            .await
            .len(),
            0,
            "{name}"
        );
        assert_eq!(
            list(DecisionQuery {
                subject: Some("nginx:1".into()),
                ..all.clone()
            })
            .await
            .len(),
            45,
            "{name}"
        );
        let window = DecisionQuery {
            since: Some(at(3)),
            until: Some(at(6)),
            ..all.clone()
        };
        assert_eq!(list(window).await, [5, 4, 3], "{name}");
        let page = store
            .decisions(&DecisionQuery {
                limit: 2,
                ..all.clone()
            })
            .await
            .unwrap();
        let rest = DecisionQuery {
            before: Some(page[1].1.id.clone()),
            limit: 2,
            ..all.clone()
        };
        assert_eq!(list(rest).await, [47, 46], "{name}");
        let new = DecisionQuery {
            after: Some(page[1].0),
            ..all.clone()
        };
        assert_eq!(list(new).await, [49], "{name}");
        let one = store.decision(&page[0].1.id).await.unwrap().unwrap();
        assert_eq!(
            (one.body.as_str(), one.policies),
            ("{\"second\":49}", vec!["one".to_owned(), "two".to_owned()])
        );
        assert!(store.decision("nothing").await.unwrap().is_none());
    }
}

#[tokio::test]
async fn a_page_of_large_decisions_is_a_short_one() {
    for (name, store, _folder) in stores().await {
        for second in 0..12 {
            let mut commit = commit(second);
            commit.record.body = format!("\"{}\"", "x".repeat(1 << 20));
            write(&store, commit, second).await;
        }
        let mut query = DecisionQuery {
            limit: 100,
            ..DecisionQuery::default()
        };
        let page = store.decisions(&query).await.unwrap();
        assert_eq!(page.len(), 8, "{name}");
        query.before = Some(page[7].1.id.clone());
        assert_eq!(store.decisions(&query).await.unwrap().len(), 4, "{name}");
    }
}

#[tokio::test]
async fn actions_are_due_until_they_are_over() {
    for (name, store, _folder) in stores().await {
        let actions = vec![action("a", "x"), action("b", "y"), action("c", "x")];
        let Written::Kept(kept) = write(&store, with_actions(0, actions), 0).await else {
            panic!("{name}")
        };
        assert_eq!(
            kept.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(),
            ["a", "b", "c"],
            "{name}"
        );
        assert_eq!(store.destinations().await.unwrap(), ["x", "y"], "{name}");
        let due = store.due("x", 0, 10).await.unwrap();
        assert_eq!(
            (ids(&due), due[0].seq),
            (vec!["a", "c"], kept[0].1),
            "{name}"
        );
        assert_eq!(due[0].action, action("a", "x"), "{name}");
        assert_eq!(
            ids(&store.due("x", due[0].seq, 10).await.unwrap()),
            ["c"],
            "{name}"
        );
        attempted(&store, "a", 1, ActionState::Due, Some(at(9))).await;
        let due = store.due("x", 0, 1).await.unwrap();
        assert_eq!((due[0].attempts, due[0].due), (1, at(9)), "{name}");
        attempted(&store, "a", 9, ActionState::Done, None).await;
        attempted(&store, "c", 9, ActionState::Dead, None).await;
        assert!(store.due("x", 0, 10).await.unwrap().is_empty(), "{name}");
        assert_eq!(
            store.depths().await.unwrap(),
            [(ActionState::Due, 1), (ActionState::Dead, 1)],
            "{name}"
        );
        let story = store.action("a").await.unwrap().unwrap();
        assert_eq!(
            (story.state, story.attempts, story.detail.as_deref()),
            (ActionState::Done, 2, Some("after 9")),
            "{name}"
        );
        assert_eq!(
            story
                .history
                .iter()
                .map(|attempt| attempt.next)
                .collect::<Vec<_>>(),
            [Some(at(9)), None],
            "{name}"
        );
        assert_eq!(story.request.unwrap().get(), "{\"a\":1}", "{name}");
        let dead = ActionQuery {
            state: Some(ActionState::Dead),
            limit: 10,
            ..ActionQuery::default()
        };
        let dead = store.actions(&dead).await.unwrap();
        assert_eq!(
            (dead.len(), dead[0].1.action.id.as_str()),
            (1, "c"),
            "{name}"
        );
        let rest = ActionQuery {
            before: Some(dead[0].0),
            policy: Some("one".into()),
            limit: 1,
            ..ActionQuery::default()
        };
        assert_eq!(
            store.actions(&rest).await.unwrap()[0].1.action.id,
            "b",
            "{name}"
        );
        assert!(store.action("nothing").await.unwrap().is_none(), "{name}");
    }
}

#[tokio::test]
async fn the_same_action_is_kept_once() {
    for (name, store, _folder) in stores().await {
        write(&store, with_actions(0, vec![action("a", "x")]), 0).await;
        let again = write(
            &store,
            with_actions(1, vec![action("a", "x"), action("b", "x")]),
            1,
        )
        .await;
        assert!(
            matches!(&again, Written::Kept(new) if new.len() == 1 && new[0].0 == "b"),
            "{name}: {again:?}"
        );
        assert_eq!(
            ids(&store.due("x", 0, 10).await.unwrap()),
            ["a", "b"],
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_lane_knows_what_is_earlier() {
    for (name, store, _folder) in stores().await {
        let lane = |id: &str| Action {
            lane: Some("l".to_owned()),
            ..action(id, id)
        };
        let Written::Kept(kept) = write(
            &store,
            with_actions(0, vec![lane("a"), action("n", "n"), lane("b")]),
            0,
        )
        .await
        else {
            panic!()
        };
        assert!(
            !store.earlier("l", kept[0].1).await.unwrap()
                && store.earlier("l", kept[2].1).await.unwrap(),
            "{name}"
        );
        attempted(&store, "a", 1, ActionState::Dead, None).await;
        assert!(!store.earlier("l", kept[2].1).await.unwrap(), "{name}");
    }
}

#[tokio::test]
async fn people_retry_and_discard() {
    for (name, store, _folder) in stores().await {
        write(
            &store,
            with_actions(
                0,
                vec![action("a", "x"), action("b", "x"), action("c", "x")],
            ),
            0,
        )
        .await;
        attempted(&store, "a", 1, ActionState::Dead, None).await;
        attempted(&store, "b", 1, ActionState::Done, None).await;
        assert_eq!(
            store.order("nothing", Order::Retry, at(2)).await.unwrap(),
            Ordered::Unknown,
            "{name}"
        );
        for order in [Order::Retry, Order::Discard] {
            assert_eq!(
                store.order("b", order, at(2)).await.unwrap(),
                Ordered::Refused(ActionState::Done),
                "{name}"
            );
        }
        let Ordered::Done(pending) = store.order("a", Order::Retry, at(2)).await.unwrap() else {
            panic!("{name}")
        };
        assert_eq!(
            (pending.attempts, pending.due, pending.action.since),
            (0, at(2), at(2)),
            "{name}"
        );
        assert!(
            matches!(
                store.order("c", Order::Discard, at(2)).await.unwrap(),
                Ordered::Done(_)
            ),
            "{name}"
        );
        // What was under way when it was discarded does not bring it back.
        attempted(&store, "c", 3, ActionState::Due, Some(at(4))).await;
        let story = store.action("c").await.unwrap().unwrap();
        assert_eq!(
            (story.state, story.history.len()),
            (ActionState::Discarded, 1),
            "{name}"
        );
        assert_eq!(ids(&store.due("x", 0, 10).await.unwrap()), ["a"], "{name}");
    }
}

#[tokio::test]
async fn keys_belong_to_a_policy_and_change_all_or_not() {
    for (name, store, _folder) in stores().await {
        write(&store, with_write(0, "one", put("a/x", "1", None)), 0).await;
        write(&store, with_write(1, "two", put("a/x", "other", None)), 0).await;
        write(
            &store,
            with_write(2, "one", put("a/x", "2", Some(Some(1)))),
            0,
        )
        .await;
        let found = store.entry("one", "a/x", at(0)).await.unwrap();
        assert_eq!(
            found,
            Some(Entry {
                version: 2,
                value: "2".into()
            }),
            "{name}"
        );
        // Nothing of a decision that comes too late is kept.
        let late = Commit {
            writes: vec![
                ("one".into(), put("b", "3", None)),
                ("one".into(), put("a/x", "3", Some(Some(1)))),
            ],
            seen: Some(Seen {
                event: "e".into(),
                until: at(99),
            }),
            ..with_actions(3, vec![action("a", "x")])
        };
        let fine = with_write(4, "one", put("a/y", "4", Some(None)));
        let batch = [
            Entries::Decision(Box::new(late)),
            Entries::Decision(Box::new(fine)),
        ];
        let written = store.write(&batch, at(1)).await.unwrap();
        assert_eq!(
            written,
            [Written::Conflict, Written::Kept(vec![])],
            "{name}"
        );
        assert!(
            store.entry("one", "b", at(1)).await.unwrap().is_none(),
            "{name}"
        );
        assert!(
            store.due("x", 0, 1).await.unwrap().is_empty()
                && store.seen("e", at(1)).await.unwrap().is_none(),
            "{name}"
        );
        assert_eq!(
            store
                .decisions(&DecisionQuery {
                    limit: 9,
                    ..Default::default()
                })
                .await
                .unwrap()
                .len(),
            4,
            "{name}"
        );
        let keys = store.entries("one", "a/", 10, at(1)).await.unwrap();
        assert_eq!(
            keys.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(),
            ["a/x", "a/y"],
            "{name}"
        );
        assert_eq!(
            store.entries("one", "a/", 1, at(1)).await.unwrap().len(),
            1,
            "{name}"
        );
        assert!(
            store
                .entries("one", "a/%", 9, at(1))
                .await
                .unwrap()
                .is_empty(),
            "{name}"
        );
        let gone = Write {
            value: None,
            ..put("a/x", "", None)
        };
        write(&store, with_write(5, "one", gone), 1).await;
        assert!(
            store.entry("one", "a/x", at(1)).await.unwrap().is_none(),
            "{name}"
        );
        assert!(
            store.entry("two", "a/x", at(1)).await.unwrap().is_some(),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_key_can_expire() {
    for (name, store, _folder) in stores().await {
        let short = Write {
            ttl: Some(Duration::from_secs(10)),
            ..put("k", "1", None)
        };
        write(&store, with_write(0, "one", short.clone()), 0).await;
        write(&store, with_write(1, "one", short), 0).await;
        assert_eq!(
            store
                .entry("one", "k", at(9))
                .await
                .unwrap()
                .map(|entry| entry.version),
            Some(2),
            "{name}"
        );
        assert!(
            store.entry("one", "k", at(10)).await.unwrap().is_none(),
            "{name}"
        );
        assert!(
            store
                .entries("one", "", 9, at(10))
                .await
                .unwrap()
                .is_empty(),
            "{name}"
        );
        assert!(
            matches!(
                write(&store, with_write(2, "one", put("k", "2", Some(None))), 10).await,
                Written::Kept(_)
            ),
            "{name}"
        );
        assert_eq!(
            store
                .entry("one", "k", at(99))
                .await
                .unwrap()
                .map(|entry| entry.version),
            Some(1),
            "{name}"
        );
    }
}

#[tokio::test]
async fn an_event_is_remembered_for_its_window() {
    for (name, store, _folder) in stores().await {
        let seen = Commit {
            seen: Some(Seen {
                event: "/queue 7".into(),
                until: at(60),
            }),
            ..commit(0)
        };
        let id = seen.record.id.clone();
        write(&store, seen, 0).await;
        assert_eq!(
            store.seen("/queue 7", at(59)).await.unwrap(),
            Some(id),
            "{name}"
        );
        assert_eq!(
            store.seen("/queue 7", at(60)).await.unwrap(),
            None,
            "{name}"
        );
        assert_eq!(store.seen("/queue 8", at(1)).await.unwrap(), None, "{name}");
    }
}

#[tokio::test]
async fn what_is_over_is_forgotten_and_what_is_not_stays() {
    for (name, store, _folder) in stores().await {
        for second in 0..10 {
            write(&store, commit(second), second).await;
        }
        let actions = ["due", "dead", "done", "discarded"].map(|id| action(id, "x"));
        write(&store, with_actions(10, actions.into()), 10).await;
        attempted(&store, "dead", 10, ActionState::Dead, None).await;
        attempted(&store, "done", 10, ActionState::Done, None).await;
        store
            .order("discarded", Order::Discard, at(10))
            .await
            .unwrap();
        let retention = Retention {
            age: Duration::from_secs(60),
            size: ByteSize::gib(1),
            ..Retention::default()
        };
        store.prune(&retention, at(65)).await.unwrap();
        let all = DecisionQuery {
            limit: 99,
            ..DecisionQuery::default()
        };
        assert_eq!(store.decisions(&all).await.unwrap().len(), 6, "{name}");
        assert!(store.action("done").await.unwrap().is_some(), "{name}");
        store.prune(&retention, at(1000)).await.unwrap();
        assert!(store.decisions(&all).await.unwrap().is_empty(), "{name}");
        for (id, stays) in [
            ("due", true),
            ("dead", true),
            ("done", false),
            ("discarded", false),
        ] {
            assert_eq!(
                store.action(id).await.unwrap().is_some(),
                stays,
                "{name}: {id}"
            );
        }
    }
}

#[tokio::test]
async fn a_file_that_grows_too_large_loses_its_oldest_decisions() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let store = open(&State::Sqlite(path.clone())).await.unwrap();
    let large = |second| {
        let mut commit = commit(second);
        commit.record.body = format!("\"{}\"", "x".repeat(800));
        Entries::Decision(Box::new(commit))
    };
    for start in 0..8 {
        let batch: Vec<Entries> = (start * 500..(start + 1) * 500).map(large).collect();
        store.write(&batch, at(0)).await.unwrap();
    }
    let all = DecisionQuery {
        limit: 9999,
        ..Default::default()
    };
    assert_eq!(store.decisions(&all).await.unwrap().len(), 4000);
    let retention = Retention {
        age: Duration::from_secs(1 << 30),
        size: ByteSize::mib(2),
        ..Retention::default()
    };
    store.prune(&retention, at(5000)).await.unwrap();
    let left = store
        .decisions(&DecisionQuery {
            limit: 9999,
            ..Default::default()
        })
        .await
        .unwrap();
    assert!((500..2000).contains(&left.len()), "{}", left.len());
    assert_eq!(left[0].1.time, at(3999));
    drop(store);
    let reopened = open(&State::Sqlite(path.clone())).await.unwrap();
    assert_eq!(
        reopened
            .decisions(&DecisionQuery {
                limit: 9999,
                ..Default::default()
            })
            .await
            .unwrap()
            .len(),
        left.len()
    );
    assert!(std::fs::metadata(path).unwrap().len() < 3 << 20);
}

#[tokio::test]
async fn a_file_has_one_user_and_is_ours() {
    let folder = tempfile::tempdir().unwrap();
    let state = State::Sqlite(folder.path().join("state.db"));
    let store = open(&state).await.unwrap();
    assert!(matches!(open(&state).await, Err(StoreError::InUse(_))));
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let metadata = file.unwrap().metadata().unwrap();
        assert_eq!(
            std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o077,
            0
        );
    }
    drop(store);
    open(&state).await.unwrap();
    let other = folder.path().join("other.db");
    std::fs::write(
        &other,
        "no database at all, but long enough to be looked at as one",
    )
    .unwrap();
    assert!(open(&State::Sqlite(other)).await.is_err());
}

fn report(digest: &str, images: &[&str], scanned: i64, received: i64) -> reports::Report {
    reports::Report {
        digest: digest.to_owned(),
        lineage: "trivy Trivy".to_owned(),
        format: "trivy".to_owned(),
        tool: "Trivy".to_owned(),
        scanned: at(scanned),
        received: at(received),
        images: images.iter().map(|image| (*image).to_owned()).collect(),
        body: format!("{{\"digest\":\"{digest}\"}}"),
    }
}

async fn about(store: &dyn Store, images: &[&str]) -> Vec<String> {
    let images: Vec<String> = images.iter().map(|image| (*image).to_owned()).collect();
    let found = store.reports_about(&images, &[]).await.unwrap();
    found.into_iter().map(|report| report.digest).collect()
}

#[tokio::test]
async fn of_one_kind_of_report_about_an_image_the_latest_is_kept() {
    for (name, store, _keep) in stores().await {
        let store = store.as_ref();
        let keep = async |report: reports::Report| {
            let kept = store.keep_reports(&[report]).await.unwrap();
            assert_eq!(kept.len(), 1, "{name}");
            kept[0]
        };
        assert!(
            keep(report("a", &["sha256:1", "web:1"], 10, 100)).await,
            "{name}"
        );
        assert_eq!(about(store, &["sha256:1"]).await, ["a"], "{name}");
        // The tag has moved on; the digest has not.
        assert!(
            keep(report("b", &["sha256:2", "web:1"], 20, 110)).await,
            "{name}"
        );
        assert_eq!(about(store, &["web:1"]).await, ["b"], "{name}");
        assert_eq!(about(store, &["sha256:1"]).await, ["a"], "{name}");
        assert_eq!(
            about(store, &["sha256:1", "web:1"]).await,
            ["b", "a"],
            "{name}"
        );
        // An older look that comes late.
        assert!(!keep(report("c", &["sha256:2"], 15, 120)).await, "{name}");
        assert_eq!(about(store, &["sha256:2"]).await, ["b"], "{name}");
        // Another kind stands beside it.
        let grype = reports::Report {
            lineage: "grype grype".to_owned(),
            ..report("d", &["sha256:2"], 5, 130)
        };
        assert!(keep(grype).await, "{name}");
        assert_eq!(about(store, &["sha256:2"]).await, ["d", "b"], "{name}");
        // The same bytes about one more image.
        assert!(keep(report("b", &["sha256:3"], 20, 140)).await, "{name}");
        assert_eq!(about(store, &["sha256:3"]).await, ["b"], "{name}");
        assert_eq!(about(store, &["web:1"]).await, ["b"], "{name}");

        let page = reports::ReportQuery {
            limit: 10,
            ..reports::ReportQuery::default()
        };
        let listed = store.reports(&page).await.unwrap();
        let digests: Vec<&str> = listed
            .iter()
            .map(|(_, report)| report.digest.as_str())
            .collect();
        assert_eq!(digests, ["d", "b", "a"], "{name}");
        let whole = listed
            .iter()
            .find(|(_, report)| report.digest == "b")
            .unwrap();
        assert_eq!(whole.1.images, ["sha256:2", "sha256:3", "web:1"], "{name}");
        let next = reports::ReportQuery {
            before: Some(listed[0].0),
            image: Some("sha256:2".to_owned()),
            limit: 10,
        };
        assert_eq!(store.reports(&next).await.unwrap().len(), 1, "{name}");

        assert_eq!(store.forget_image("sha256:2").await.unwrap(), 2, "{name}");
        assert!(about(store, &["sha256:2"]).await.is_empty(), "{name}");
        assert_eq!(about(store, &["sha256:3"]).await, ["b"], "{name}");
        assert_eq!(store.forget_image("sha256:2").await.unwrap(), 0, "{name}");

        let retention = Retention {
            evidence: Duration::from_secs(50),
            ..Retention::default()
        };
        store.prune(&retention, at(151)).await.unwrap();
        assert!(about(store, &["sha256:1"]).await.is_empty(), "{name}");
        assert_eq!(about(store, &["sha256:3"]).await, ["b"], "{name}");
        let images = ["sha256:3".to_owned()];
        let others = store.reports_about(&images, &["b".to_owned()]).await;
        assert_eq!(others.unwrap(), [], "{name}");
    }
}

#[tokio::test]
async fn so_many_reports_about_an_image_and_no_more() {
    for (name, store, _keep) in stores().await {
        let store = store.as_ref();
        let statement = |number: u32| reports::Report {
            lineage: format!("openvex {number}"),
            body: "x".repeat(1000),
            ..report(&format!("d{number}"), &["web:1"], 1, 10 + i64::from(number))
        };
        let all: Vec<_> = (0..reports::MAX_REPORTS).map(statement).collect();
        store.keep_reports(&all).await.unwrap();
        // All or none: the second one of these has no place.
        let more = [report("e", &["web:2"], 1, 200), statement(99)];
        let refused = store.keep_reports(&more).await;
        assert!(
            matches!(&refused, Err(StoreError::TooManyReports { image }) if image == "web:1"),
            "{name}: {refused:?}"
        );
        assert!(about(store, &["web:2"]).await.is_empty(), "{name}");
        // What takes another's place has one.
        let newer = reports::Report {
            lineage: "openvex 0".to_owned(),
            ..report("f", &["web:1"], 2, 300)
        };
        assert_eq!(
            store.keep_reports(&[newer]).await.unwrap(),
            [true],
            "{name}"
        );
        assert_eq!(about(store, &["web:1"]).await.len(), 64, "{name}");
        // The oldest go where all together are too large.
        let retention = Retention {
            size: ByteSize::b(2500),
            ..Retention::default()
        };
        store.prune(&retention, at(400)).await.unwrap();
        assert_eq!(
            about(store, &["web:1"]).await,
            ["f", "d63", "d62"],
            "{name}"
        );
    }
}

#[tokio::test]
async fn waivers_are_kept_and_their_uses_counted() {
    for (name, store, _keep) in stores().await {
        assert!(!store.put_waiver("one", "{}").await.unwrap(), "{name}");
        assert!(
            store.put_waiver("one", "{\"a\":1}").await.unwrap(),
            "{name}"
        );
        assert!(!store.put_waiver("two", "{}").await.unwrap(), "{name}");
        assert!(store.remove_waiver("two").await.unwrap(), "{name}");
        assert!(!store.remove_waiver("two").await.unwrap(), "{name}");
        let kept = store.waivers().await.unwrap();
        assert_eq!(
            kept.into_iter().collect::<Vec<_>>(),
            [("one".to_owned(), "{\"a\":1}".to_owned())],
            "{name}"
        );

        let using = |second: i64, ids: &[&str]| {
            let waivers = ids.iter().map(|id| (*id).to_owned()).collect();
            Entries::Decision(Box::new(Commit {
                waivers,
                ..commit(second)
            }))
        };
        let batch = [using(1, &["one", "file"]), using(2, &["one"])];
        store.write(&batch, at(2)).await.unwrap();
        store.write(&[using(3, &["one"])], at(3)).await.unwrap();
        let uses = store.waiver_uses().await.unwrap();
        let told = |id: &str| (uses[id].count, uses[id].last);
        assert_eq!(told("one"), (3, Some(at(3))), "{name}");
        assert_eq!(told("file"), (1, Some(at(2))), "{name}");
    }
}
