# Every image has an owner, whom the inventory knows.
package owner

deny contains sprintf("nobody owns %s", [image.repository]) if {
	some image in touchstone.images()
	count(owners(image)) == 0
}

owners(image) := answer.body if {
	answer := http.send({
		"method": "get",
		"url": sprintf("https://inventory.example.com/owners/%s", [image.repository]),
		"force_json_decode": true,
	})
	answer.status_code == 200
}

# What the inventory does not know, nobody owns.
else := []
