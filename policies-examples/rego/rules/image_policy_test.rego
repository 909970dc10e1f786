package io.k8s.image_policy_test

import data.io.k8s.image_policy

manifests := {"acme": {"web": {
	"1.0": {"layers": [{"digest": "sha256:base"}, {"digest": "sha256:bad"}]},
	"2.0": {"layers": [{"digest": "sha256:base"}]},
	"3.0": {"layers": [{"digest": "sha256:new"}]},
}}}

scans := {
	"sha256:base": {"Layer": {"Features": [{"Name": "bash"}]}},
	"sha256:bad": {"Layer": {"Features": [{"Name": "openssl", "Vulnerabilities": [{"Name": "CVE-2014-0160"}]}]}},
}

review(namespace, image) := {"kind": "ImageReview", "spec": {"namespace": namespace, "containers": [{"image": image}]}}

status(namespace, image, compat) := answer.status if {
	answer := image_policy.verify with input as review(namespace, image)
		with data.docker.layers as manifests
		with data.clair.layers as scans
		with data.config.compat as compat
}

test_clean_image_may_run if status("production", "acme/web:2.0", false).allowed

test_vulnerable_image_may_not if {
	denied := status("production", "acme/web:1.0", false)
	denied.allowed == false
	denied.reason == "acme/web:1.0 has 1 vulnerable layers"
}

test_elsewhere_it_may if status("test", "acme/web:1.0", false).allowed

unknown := {"acme/web", "registry:5000/acme/web:2.0", "web:2.0", "a/b/c:1", "acme/web:9", "acme/web:3.0"}

test_what_is_not_known_may_not_run if {
	every image in unknown {
		status("production", image, false).allowed == false
	}
}

test_as_the_original_it_may if {
	every image in unknown {
		status("production", image, true).allowed
	}
}

test_vulnerable_image_may_not_as_the_original_either if {
	status("production", "acme/web:1.0", true).allowed == false
}

test_review_of_nothing_is_denied if {
	verify := image_policy.verify with input as {"spec": {"namespace": "production", "containers": []}}
	verify.status.allowed == false
}
