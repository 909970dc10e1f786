use super::super::super::model::{Configuration, Evidence, Step};
use super::*;

const MANIFEST: &str = include_str!("../../../../../tests/reports/image-manifest.json");
const CONFIGURATION: &str = include_str!("../../../../../tests/reports/image-configuration.json");
const INSPECT: &str = include_str!("../../../../../tests/reports/docker-inspect.json");

const ID: &str = "sha256:5e7abcdd20216bbeedf1369529564ffd60f830ed3540c477938ca580b645dff5";
const LAYER: &str = "sha256:9824c27679d3b27c5e1cb00a73adb6f4f8d556994111c12db3c5d61a0c843df8";

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// The sample with its list taken away.
fn object() -> String {
    let text = INSPECT.trim();
    text[1..text.len() - 1].to_owned()
}

#[test]
fn a_manifest_names_the_image_and_its_layers() {
    let Evidence {
        image,
        layers,
        reports,
        ..
    } = read_manifest(MANIFEST).unwrap();
    assert_eq!(image.digests, [sha256(MANIFEST)]);
    assert_eq!(
        sha256("{}"),
        "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    );
    assert_eq!(image.id.as_deref(), Some(ID));
    let layers = layers.unwrap();
    assert_eq!(layers.len(), 2);
    assert_eq!(
        (layers[0].digest.as_deref(), layers[0].size),
        (Some(LAYER), Some(32654))
    );
    assert_eq!(reports.len(), 1);
}

#[test]
fn a_configuration_is_read() {
    let Evidence {
        image,
        layers,
        history,
        configuration,
        ..
    } = read_configuration(CONFIGURATION).unwrap();
    assert_eq!(image.id, Some(sha256(CONFIGURATION)));
    assert!(image.digests.is_empty());
    let labels = [
        ("maintainer", "web@example.org"),
        ("org.opencontainers.image.vendor", "Example"),
    ];
    let expected = Configuration {
        user: Some("web:web".to_owned()),
        exposed_ports: texts(&["8443/tcp", "9000/tcp"]),
        entrypoint: Some(texts(&["/usr/bin/web"])),
        command: Some(texts(&["--listen", ":8443"])),
        labels: labels
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        environment: texts(&["PATH", "TOKEN"]),
        volumes: texts(&["/var/lib/web"]),
        working_directory: Some("/srv".to_owned()),
        healthcheck: Some(texts(&[
            "CMD-SHELL",
            "curl -f https://localhost:8443/health",
        ])),
        created: Some("2025-05-01T18:20:31.123456789Z".parse().unwrap()),
        architecture: Some("arm64".to_owned()),
        os: Some("linux".to_owned()),
        ..Configuration::default()
    };
    assert_eq!(configuration, Some(expected));
    assert_eq!(
        layers.unwrap()[1].diff_id.as_deref(),
        Some("sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef")
    );
    let history = history.unwrap();
    let last = Step {
        created: Some("2025-05-01T18:20:31Z".parse().unwrap()),
        created_by: "USER web:web".to_owned(),
        empty: true,
    };
    assert_eq!((history.len(), &history[2]), (3, &last));
}

#[test]
fn what_an_engine_prints_is_read() {
    for text in [INSPECT, &object()] {
        let Evidence {
            image,
            layers,
            history,
            configuration,
            ..
        } = read_configuration(text).unwrap();
        assert_eq!(
            image.names,
            [
                "registry.example.org/web:3.1",
                "registry.example.org/web:latest"
            ]
        );
        assert_eq!(
            image.digests,
            ["sha256:0f5bb1ae1d3bb5ac3d3b2aa5e7d9b1c0d5c1b3c8a9e4f6d7b2a1c0e9f8d7c6b5"]
        );
        assert_eq!(image.id.as_deref(), Some(ID));
        let expected = Configuration {
            entrypoint: Some(texts(&["/usr/bin/web"])),
            environment: texts(&["PATH"]),
            created: Some("2025-05-01T16:20:31.123456789Z".parse().unwrap()),
            architecture: Some("amd64".to_owned()),
            os: Some("linux".to_owned()),
            size: Some(48_123_456),
            ..Configuration::default()
        };
        assert_eq!(configuration, Some(expected));
        assert_eq!((layers.unwrap().len(), history), (1, None));
    }
}

#[test]
fn engines_differ() {
    let digits = &ID["sha256:".len()..];
    let known = format!("\"a/b@{LAYER}\"");
    // Id, RepoDigests and Digest; what is made of them: digests and id.
    let cases = [
        ("Docker, never pushed", ID, "", "", vec![], Some(ID)),
        ("Docker, pushed", ID, &*known, "", vec![LAYER], Some(ID)),
        (
            "Docker with containerd",
            LAYER,
            &*known,
            "",
            vec![LAYER],
            None,
        ),
        ("Podman", digits, &*known, LAYER, vec![LAYER], Some(ID)),
        (
            "without a name",
            ID,
            "\"<none>@<none>\"",
            "",
            vec![],
            Some(ID),
        ),
    ];
    for (name, id, digests, digest, expected, expected_id) in cases {
        let text = format!(
            r#"[{{"Id": "{id}", "RepoTags": ["<none>:<none>"], "RepoDigests": [{digests}], "Digest": "{digest}", "Config": {{}}}}]"#
        );
        let image = read_configuration(&text).unwrap().image;
        assert_eq!(image.names, [""; 0], "{name}");
        assert_eq!(
            (image.digests, image.id.as_deref()),
            (texts(&expected), expected_id),
            "{name}"
        );
    }
}

#[test]
fn absent_and_empty_are_told_apart() {
    let read = |text: &str| read_configuration(text).unwrap();
    let bare = read(
        r#"{"architecture": "", "rootfs": {"type": "layers", "diff_ids": null}, "config": null, "created": null}"#,
    );
    assert_eq!((bare.layers, bare.history), (None, None));
    assert_eq!(bare.configuration, Some(Configuration::default()));
    let empty = read(
        r#"{"rootfs": {"diff_ids": []}, "config": {"Entrypoint": [], "Cmd": null, "Env": null}, "history": []}"#,
    );
    assert_eq!((empty.layers, empty.history), (Some(vec![]), Some(vec![])));
    assert_eq!(empty.configuration, Some(Configuration::default()));
}

#[test]
fn bad_manifests_are_refused() {
    let index = format!(
        r#"{{"schemaVersion": 2, "manifests": [
            {{"digest": "{ID}", "platform": {{"os": "linux", "architecture": "amd64"}}}},
            {{"digest": "{ID}", "platform": {{"os": "linux", "architecture": "arm", "variant": "v7"}}}},
            {{"digest": "{ID}", "platform": {{"os": "unknown", "architecture": "unknown"}}}}]}}"#
    );
    let cases = [
        (
            "index",
            index,
            "manifests: this is an index of images, for linux/amd64, linux/arm/v7: give the manifest of one of them",
        ),
        (
            "schema 1",
            r#"{"schemaVersion": 1, "fsLayers": [], "history": []}"#.to_owned(),
            "schemaVersion: 1 is Docker's old form",
        ),
        (
            "chart",
            MANIFEST.replace("oci.image.config", "cncf.helm.config"),
            "config/mediaType: \"application/vnd.cncf.helm.config.v1+json\" is no image's configuration",
        ),
        (
            "digest",
            MANIFEST.replace("3c3a4604", "3c3a"),
            "layers/1/digest: \"sha256:3c3a",
        ),
        (
            "capitals",
            MANIFEST.replace(ID, &ID.to_uppercase().replace("SHA", "sha")),
            "config/digest: ",
        ),
        ("size", MANIFEST.replace("16724", "-1"), "layers[1].size"),
        (
            "no configuration",
            r#"{"schemaVersion": 2, "config": null, "layers": []}"#.to_owned(),
            "config: it is null",
        ),
        (
            "layers twice",
            MANIFEST.replacen('{', "{\"layers\": [],", 1),
            "duplicate field `layers`",
        ),
        (
            "layers in two letters",
            MANIFEST.replacen('{', "{\"Layers\": [],", 1),
            "key \"Layers\" could be taken for \"layers\"",
        ),
    ];
    for (name, text, expected) in cases {
        assert!(detect_manifest(&Sketch::of(&text).unwrap()), "{name}");
        let wrong = read_manifest(&text).expect_err(name).to_string();
        assert!(wrong.contains(expected), "{name}: {wrong}");
    }
}

#[test]
fn bad_configurations_are_refused() {
    let config = |key: &str| {
        CONFIGURATION.replacen("\"User\"", &format!("\"{key}\": \"root\", \"User\""), 1)
    };
    let cases = [
        (
            "several",
            format!("[{0},{0}]", object()),
            "the list: 2 images; a report is about one",
        ),
        (
            "id",
            INSPECT.replace(ID, "5e7abcdd"),
            "Id: \"5e7abcdd\" is no digest",
        ),
        (
            "time",
            CONFIGURATION.replacen("2025-05-01T", "May ", 1),
            "created: \"May 18:20:31.123456789Z\" is no time",
        ),
        (
            "time of a step",
            CONFIGURATION.replace("2025-05-01T18:20:30Z", "soon"),
            "history/1/created: \"soon\"",
        ),
        (
            "layer",
            CONFIGURATION.replace("sha256:5f", "md5:5f"),
            "rootfs/diff_ids/1: \"md5:5f",
        ),
        (
            "type",
            CONFIGURATION.replace("\"web:web\",", "[],"),
            "config.User",
        ),
        ("user twice", config("User"), "duplicate field `User`"),
        (
            "user in small letters",
            config("user"),
            "config: key \"user\" could be taken for \"User\"",
        ),
        (
            "user with a long s",
            config("U\u{17f}er"),
            "could be taken for \"User\"",
        ),
        (
            "another configuration",
            CONFIGURATION.replacen('{', "{\"Config\": {},", 1),
            "the document: key \"Config\" could be taken for \"config\"",
        ),
    ];
    for (name, text, expected) in cases {
        assert!(detect_configuration(&Sketch::of(&text).unwrap()), "{name}");
        let wrong = read_configuration(&text).expect_err(name).to_string();
        assert!(wrong.contains(expected), "{name}: {wrong}");
    }
    // Whose configuration it is, is computed, not said.
    let claimed = CONFIGURATION.replacen('{', &format!("{{\"Id\": \"{LAYER}\","), 1);
    assert_eq!(
        read_configuration(&claimed).unwrap().image.id,
        Some(sha256(&claimed))
    );
}

#[test]
fn other_documents_are_left_alone() {
    let cases = [
        (
            "Trivy",
            r#"{"SchemaVersion": 2, "ArtifactName": "a", "Metadata": {}, "Results": []}"#,
        ),
        (
            "layers alone",
            r#"{"layers": [{"digest": "a", "size": 1}], "config": {}}"#,
        ),
        (
            "a container",
            r#"[{"Id": "a", "State": {}, "Image": "sha256:b", "Config": {}}]"#,
        ),
        (
            "an unknown version",
            r#"{"schemaVersion": 3, "config": {}, "layers": []}"#,
        ),
        ("an event", r#"{"image": "a", "config": {}, "created": ""}"#),
        ("nothing", "{}"),
    ];
    for (name, text) in cases {
        let sketch = Sketch::of(text).unwrap();
        assert!(
            !detect_manifest(&sketch) && !detect_configuration(&sketch),
            "{name}"
        );
    }
    let samples = [
        (MANIFEST, true, false),
        (CONFIGURATION, false, true),
        (INSPECT, false, true),
        (&object(), false, true),
    ];
    for (text, manifest, configuration) in samples {
        let sketch = Sketch::of(text).unwrap();
        assert_eq!(
            (detect_manifest(&sketch), detect_configuration(&sketch)),
            (manifest, configuration)
        );
    }
}
