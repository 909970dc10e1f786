# The image policy of OPA's image_enforcer, after its description: a Kubernetes API server asks whether images may run, and
# is answered with an ImageReview. In secure namespaces, an image with a layer in which Clair found a vulnerability may not.
#
# The original lets pass what it cannot look up: images without a tag, of a registry with a port, by digest, with deeper
# names, never scanned. This one denies them, unless `data.config.compat` is true.
package io.k8s.image_policy

import data.clair.layers as scans
import data.config
import data.docker.layers as images

verify := {
	"apiVersion": "imagepolicy.k8s.io/v1alpha1",
	"kind": "ImageReview",
	"status": status,
}

status := {"allowed": true} if count(reasons) == 0

status := {"allowed": false, "reason": concat("; ", sort(reasons))} if count(reasons) > 0

# Why the images may not run here.
reasons contains reason if {
	input.spec.namespace in config.secure_namespaces
	some container in input.spec.containers
	some reason in against(container.image)
}

# A review that names no image is about nothing that is known to be right.
reasons contains "the review names no image" if {
	not config.compat
	not input.spec.containers[0].image
}

against(image) := {sprintf("%s has %d vulnerable layers", [image, count(vulnerable)])} if {
	count(vulnerable_layers(image)) > 0
	vulnerable := vulnerable_layers(image)
}

else := {sprintf("%s is not known", [image])} if {
	not config.compat
	not layers(image)
}

else := {sprintf("%s has %d layers that nobody scanned", [image, count(unscanned)])} if {
	not config.compat
	unscanned := {layer | some layer in layers(image); not scans[layer]}
	count(unscanned) > 0
}

else := set()

# Layers in which something was found.
vulnerable_layers(image) := {layer |
	some layer in layers(image)
	some feature in scans[layer].Layer.Features
	count(feature.Vulnerabilities) > 0
}

# The digests of an image's layers; undefined, when the image is not known.
layers(image) := digests if {
	listed := manifest(image).layers
	digests := {layer.digest | some layer in listed}
}

# The original takes names apart by hand: exactly one colon, exactly one slash.
manifest(image) := images[organisation][name][tag] if {
	config.compat
	[repository, tag] := split(image, ":")
	[organisation, name] := split(repository, "/")
}

# The documents describe Docker Hub. An image that is named by digest may be another than the one that has the tag now.
manifest(image) := images[organisation][name][parsed.tag] if {
	not config.compat
	parsed := touchstone.parse_image(image)
	parsed.registry == "docker.io"
	not parsed.digest
	[organisation, name] := split(parsed.repository, "/")
}
