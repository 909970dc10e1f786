"""Evaluates expressions with the original package: a JSON object a line in, its outcome a line out.

In: {"expression": "…", "scope": {…}, "settings": {"regex_flags": "im", "default_value": …,
"mapping_attribute_lookup": true}}. Out: {"value": […]} or {"error": {"class", "message", "suggestion", "phase"}}.
"""

import datetime
import decimal
import json
import re
import sys
import warnings

import rule_engine
from rule_engine import errors

warnings.simplefilter("ignore")

FLAGS = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL, "x": re.VERBOSE, "a": re.ASCII}
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def decode(value):
    """JSON to a value; an object with one key that begins with a dollar sign stands for a type that JSON lacks."""
    if isinstance(value, list):
        return [decode(member) for member in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        (key, inner), = value.items()
        if key == "$set":
            return set(tuple(member) if isinstance(member, list) else member for member in decode(inner))
        if key == "$bytes":
            return bytes.fromhex(inner)
        if key == "$decimal":
            return decimal.Decimal(inner)
        if key == "$datetime":
            return EPOCH + datetime.timedelta(microseconds=inner)
        if key == "$timedelta":
            return datetime.timedelta(microseconds=inner)
    return {key: decode(value[key]) for key in sorted(value)}


def encode(value):
    """A value to JSON, with its type."""
    if value is None:
        return ["null"]
    if isinstance(value, bool):
        return ["bool", value]
    if isinstance(value, (int, float)):
        value = rule_engine.types.coerce_value(value)
    if isinstance(value, decimal.Decimal):
        return ["float", str(value)]
    if isinstance(value, str):
        return ["string", value]
    if isinstance(value, bytes):
        return ["bytes", value.hex()]
    if isinstance(value, datetime.datetime):
        offset = value.utcoffset()
        instant = value - EPOCH
        return ["datetime", instant // datetime.timedelta(microseconds=1), offset // datetime.timedelta(seconds=1)]
    if isinstance(value, datetime.timedelta):
        return ["timedelta", str(value // datetime.timedelta(microseconds=1))]
    if isinstance(value, (list, tuple)):
        return ["array", [encode(member) for member in value]]
    if isinstance(value, (set, frozenset)):
        return ["set", sorted((encode(member) for member in value), key=json.dumps)]
    if isinstance(value, dict):
        return ["mapping", [[encode(key), encode(inner)] for key, inner in value.items()]]
    return ["function"]


def outcome(request):
    phase = "parse"
    try:
        settings = request.get("settings") or {}
        options = {"default_timezone": "utc"}
        flags = 0
        for flag in settings.get("regex_flags", ""):
            flags |= FLAGS[flag]
        options["regex_flags"] = flags
        if "default_value" in settings:
            options["default_value"] = decode(settings["default_value"])
        if settings.get("mapping_attribute_lookup") is False and rule_engine.__version__ >= "5":
            options["mapping_attribute_lookup"] = False
        context = rule_engine.Context(**options)
        # The lexer goes on counting lines from one rule to the next.
        rule_engine.Rule.parser._lexer.lineno = 1
        rule = rule_engine.Rule(request["expression"], context)
        phase = "evaluate"
        return {"value": encode(rule.evaluate(decode(request["scope"])))}
    except Exception as error:
        message = getattr(error, "message", None)
        if not isinstance(error, errors.EngineError):
            message = None
        return {
            "error": {
                "class": type(error).__name__,
                "message": message,
                "suggestion": getattr(error, "suggestion", None),
                "phase": phase,
            }
        }


def main():
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(outcome(request)), flush=False)


main()
