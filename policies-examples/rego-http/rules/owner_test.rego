package owner_test

import data.owner

images := [{"repository": "acme/web"}]

test_owned if {
	count(owner.deny) == 0 with touchstone.images as images with http.send as {"status_code": 200, "body": ["ana"]}
}

test_not_owned if {
	owner.deny == {"nobody owns acme/web"} with touchstone.images as images with http.send as {"status_code": 404}
}
