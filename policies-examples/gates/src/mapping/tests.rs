use super::*;

fn selector(registry: &str, repository: &str, kind: &str, value: &str) -> Selector {
    Selector {
        name: String::new(),
        registry: Pattern::new(registry).unwrap(),
        repository: Pattern::new(repository).unwrap(),
        image: match kind {
            "digest" => Which::Digest(value.to_owned()),
            "id" => Which::Id(value.to_owned()),
            _ => Which::Tag(Pattern::new(value).unwrap(), value.to_owned()),
        },
    }
}

fn image(registry: &str, repository: &str, tag: Option<&str>, digest: Option<&str>) -> Identity {
    Identity {
        name: Some(ImageName {
            registry: registry.to_owned(),
            repository: repository.to_owned(),
            tag: tag.map(str::to_owned),
            digest: digest.map(str::to_owned),
        }),
        digests: digest.map(str::to_owned).into_iter().collect(),
        id: Some("sha256:cafe".to_owned()),
        text: String::new(),
    }
}

#[test]
fn a_selector_is_about_the_images_that_it_names() {
    let nginx = || image("docker.io", "library/nginx", Some("1.27"), None);
    let bare = || image("ghcr.io", "acme/web", None, None);
    let pinned = || image("ghcr.io", "acme/web", None, Some("sha256:ab"));
    for (rule, image, expected) in [
        (("*", "*", "tag", "*"), nginx(), Ok(true)),
        (("*", "*", "tag", "*"), pinned(), Ok(true)),
        (("*", "*", "tag", "*"), Identity::default(), Ok(true)),
        (("docker.io", "library/*", "tag", "1.*"), nginx(), Ok(true)),
        (("docker.io", "nginx", "tag", "1.27"), nginx(), Ok(true)),
        (("dockerhub", "nginx", "tag", "1.27"), nginx(), Ok(true)),
        (
            ("docker.io", "nginx", "tag", "*"),
            image("docker.io", "dockerhub/nginx", None, None),
            Ok(true),
        ),
        (
            ("docker.io", "library/nginx", "tag", "1.26"),
            nginx(),
            Ok(false),
        ),
        (("quay.io", "*", "tag", "*"), nginx(), Ok(false)),
        (
            (
                "regexp:docker\\..*",
                "regexp:.*nginx$",
                "tag",
                "regexp:1\\.\\d+",
            ),
            nginx(),
            Ok(true),
        ),
        (("ghcr.io", "acme/*", "tag", "latest"), bare(), Ok(true)),
        (("ghcr.io", "acme/*", "tag", "latest"), pinned(), Ok(false)),
        (
            ("ghcr.io", "acme/*", "tag", "sha256:ab"),
            pinned(),
            Ok(true),
        ),
        (("ghcr.io", "acme/*", "tag", "cafe"), pinned(), Ok(true)),
        (
            ("ghcr.io", "acme/*", "digest", "sha256:ab"),
            pinned(),
            Ok(true),
        ),
        (
            ("ghcr.io", "acme/*", "digest", "sha256:cd"),
            pinned(),
            Ok(false),
        ),
        (
            ("ghcr.io", "acme/*", "digest", "sha256:ab"),
            bare(),
            Err("the image's digest"),
        ),
        (("docker.io", "*", "digest", "sha256:ab"), bare(), Ok(false)),
        (("*", "*", "id", "cafe"), nginx(), Ok(true)),
        (("*", "*", "id", "sha256:beef"), nginx(), Ok(false)),
        (
            ("*", "*", "id", "cafe"),
            Identity::default(),
            Err("the image's id"),
        ),
        (
            ("ghcr.io", "*", "tag", "*"),
            Identity::default(),
            Err("the image's name"),
        ),
        (
            ("*", "*", "tag", "1"),
            Identity::default(),
            Err("the image's name"),
        ),
    ] {
        let (registry, repository, kind, value) = rule;
        let found = selector(registry, repository, kind, value).matches(&image);
        let found = found.as_ref().map_err(Lack::need).copied();
        assert_eq!(found, expected, "{rule:?} {image:?}");
    }
}

#[test]
fn an_image_is_written_with_all_its_parts() {
    for (image, tag) in [
        (
            image("docker.io", "library/nginx", Some("1.27"), None),
            "docker.io/library/nginx:1.27",
        ),
        (
            image("docker.io", "library/nginx", None, None),
            "docker.io/library/nginx:latest",
        ),
        (
            image("ghcr.io", "a/b", None, Some("sha256:ab")),
            "ghcr.io/a/b@sha256:ab",
        ),
        (
            image("ghcr.io", "a/b", Some("1"), Some("sha256:ab")),
            "ghcr.io/a/b:1",
        ),
    ] {
        assert_eq!(image.tag(), tag);
        assert_eq!(image.id(), "cafe");
    }
}
