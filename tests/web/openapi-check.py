#!/usr/bin/env python3
"""Holds answers against an OpenAPI document.

    openapi-check.py openapi.json RECORD [--cover EXCEPTIONS]

RECORD has one exchange a line (tests/web/ask.mjs). Each answer must be one
that the document describes: its status, the headers that are always there, no
header that is not described, a body of the schema with no member that is not
described, and of a problem exactly the schema of its type. Links must lead
somewhere. What was accepted must be a body that the document allows.

With --cover the other direction, too: whatever is described was seen, but for
what EXCEPTIONS lists: `operation status what: why`, with * for any.

Ends with 1 and a line for each fault.
"""
import copy
import fnmatch
import json
import re
import sys
import urllib.parse

import jsonschema

# What is the web server's or a browser's business, in every answer.
PLUMBING = {
    "access-control-allow-credentials", "access-control-allow-origin",
    "access-control-expose-headers", "connection", "content-length",
    "content-security-policy", "content-type", "date", "keep-alive",
    "referrer-policy", "server", "transfer-encoding", "vary",
    "x-content-type-options",
}
# Schemas that others are made of; all the other objects are closed.
OPEN = {"Problem", "JobBase", "Refusal"}


class Document:
    def __init__(self, path):
        self.doc = json.load(open(path))
        self.validators = {}
        self.closed = copy.deepcopy(self.doc["components"])
        for name, schema in self.closed["schemas"].items():
            if schema.get("type") == "object" and name not in OPEN:
                schema["unevaluatedProperties"] = False
        self.templates = [
            (template, re.compile("^" + re.sub(
                r"\\\{[^/]*?\\\}", "([^/]+)", re.escape(template)) + "$"))
            for template in self.doc["paths"]]
        self.templates.sort(key=lambda t: [
            part.startswith("{") for part in t[0].split("/")])
        jobs = [i["get"] for i in self.doc["paths"].values()
                if i.get("get", {}).get("operationId") == "getJob"]
        assert len(jobs) == 1

    def deref(self, value):
        while "$ref" in value:
            at = self.doc
            for part in value["$ref"][2:].split("/"):
                at = at[part.replace("~1", "/").replace("~0", "~")]
            value = at
        return value

    def faults(self, schema, instance):
        key = json.dumps(schema)
        if key not in self.validators:
            self.validators[key] = jsonschema.Draft202012Validator(
                {**schema, "components": self.closed})
        validator = self.validators[key]
        return [f"{'/'.join(map(str, e.absolute_path)) or 'it'}: {e.message}"
                for e in validator.iter_errors(instance)]

    def operation(self, method, path):
        path = path.split("?")[0]
        for template, pattern in self.templates:
            item = self.doc["paths"][template]
            if pattern.match(path) and method in item:
                return {"parameters": [], **item[method],
                        "template": template}
        return None

    def operations(self):
        for item in self.doc["paths"].values():
            for method, operation in item.items():
                if method != "parameters":
                    yield operation


def essence(headers):
    return headers.get("content-type", "").split(";")[0].strip().lower()


def problem_name(body):
    kind = body.get("type") if isinstance(body, dict) else None
    found = re.search(r"/problems/([a-z-]+)$", kind or "")
    return found and "Problem" + "".join(
        w.capitalize() for w in found[1].split("-"))


def name_of(schema):
    return schema.get("$ref", "/inline").split("/")[-1]


class Check:
    def __init__(self, document):
        self.d = document
        self.seen = set()
        self.said = []
        self.answers = 0

    def fault(self, x, text):
        self.said.append(
            f"{x['method']} {x['path'][:120]} -> {x['status']}: {text}")

    def outside(self, x):
        """No operation: an address or a method that there is not."""
        expected = {404: ("not-found", "job-not-found"),
                    405: ("method-not-allowed",)}
        try:
            error = json.loads(x["body"]).get("error")
        except ValueError:
            error = None
        if x["method"] != "HEAD" and error not in expected.get(x["status"], ()):
            self.fault(x, "no such operation is described")

    def headers(self, x, response):
        declared = {name.lower(): self.d.deref(h)
                    for name, h in response.get("headers", {}).items()}
        for name, header in declared.items():
            if name not in x["headers"]:
                if header.get("required"):
                    self.fault(x, f"{name} is missing")
                continue
            value = x["headers"][name]
            if header["schema"].get("type") == "integer":
                value = int(value) if value.isdigit() else value
            for text in self.d.faults(header["schema"], value):
                self.fault(x, f"{name}: {text}")
        for name in x["headers"].keys() - declared.keys() - PLUMBING:
            self.fault(x, f"{name} is not described")

    def body(self, x, operation, status, response):
        content = response.get("content", {})
        kind = essence(x["headers"])
        if x["method"] == "HEAD" or not content:
            if x["body"]:
                self.fault(x, "there is a body")
            return
        media = content.get(kind, content.get("*/*"))
        if media is None:
            self.fault(x, f"{kind or 'no type'} is not described")
            return
        if "schema" not in media:
            self.see(operation, status, kind and "*/*")
            return
        try:
            body = json.loads(x["body"])
        except ValueError:
            self.fault(x, "the body is not JSON")
            return
        schema = media["schema"]
        name = problem_name(body)
        if kind == "application/problem+json" and name:
            schema = {"$ref": f"#/components/schemas/{name}"}
            if schema not in media["schema"].get("anyOf", [media["schema"]]):
                self.fault(x, f"{name} is not described")
                return
        if "properties" in schema:
            schema = {**schema, "unevaluatedProperties": False}
        for text in self.d.faults(schema, body):
            self.fault(x, text)
        for one in self.alternatives(media["schema"]):
            if not self.d.faults(one, body):
                self.see(operation, status, name_of(one))
        self.links(x, response, body)

    def alternatives(self, schema):
        for key in ("anyOf", "oneOf"):
            if key in schema:
                return [a for s in schema[key] for a in self.alternatives(s)]
        target = self.d.deref(schema)
        if "oneOf" in target:
            return self.alternatives(target)
        return [schema]

    def links(self, x, response, body):
        ids = {o["operationId"]: o for o in self.d.operations()}
        for link in map(self.d.deref, response.get("links", {}).values()):
            assert link["operationId"] in ids
            for name, expression in link["parameters"].items():
                assert expression.startswith("$response.body#/")
                value = body.get(expression[len("$response.body#/"):])
                schema = self.d.doc["components"]["parameters"][
                    name[0].upper() + name[1:]]["schema"]
                for text in self.d.faults(schema, value):
                    self.fault(x, f"link: {text}")

    def request(self, x, operation):
        """What was done must have been asked for as the document has it."""
        if x["status"] >= 300 or "jobs/" in operation["template"]:
            return
        asked = {k.lower(): v for k, v in x["asked"]["headers"].items()}
        query = dict(urllib.parse.parse_qsl(
            x["path"].partition("?")[2], keep_blank_values=True))
        for p in map(self.d.deref, operation["parameters"]):
            there = {"query": query, "header": asked}.get(p["in"])
            if there is not None and p.get("required") and \
                    p["name"] not in there:
                self.fault(x, f"accepted without {p['name']}")
        body = operation.get("requestBody")
        if not body:
            return
        if x["asked"]["body"] is None:
            if body["required"]:
                self.fault(x, "accepted without a body")
            return
        media = body["content"].get(essence(asked))
        if media is None:
            self.fault(x, "accepted with another type")
        elif "schema" in media:
            for text in self.d.faults(
                    media["schema"], json.loads(x["asked"]["body"])):
                self.fault(x, f"accepted: {text}")

    def see(self, operation, status, what):
        self.seen.add((self.group(operation), status, what))

    def group(self, operation):
        """All APIs answer alike: what one of them did counts for all."""
        ours = any(c.isupper() for c in operation["operationId"])
        return operation["operationId"] if ours else "api"

    def exchange(self, x):
        self.answers += 1
        if x["method"] == "OPTIONS":
            return
        method = {"HEAD": "get"}.get(x["method"], x["method"].lower())
        operation = self.d.operation(method, x["path"])
        dots = {".", ".."} & set(x["path"].split("?")[0].split("/"))
        if not operation or dots:
            self.outside(x)
            return
        responses = operation["responses"]
        status = str(x["status"])
        if status not in responses:
            status = status[0] + "XX"
        if status not in responses:
            self.fault(x, "this status is not described")
            return
        response = self.d.deref(responses[status])
        self.see(operation, status, None)
        self.headers(x, response)
        self.body(x, operation, status, response)
        self.request(x, operation)

    def declared(self):
        for operation in self.d.operations():
            group = self.group(operation)
            for status, response in operation["responses"].items():
                yield group, status, None
                for media in self.d.deref(response).get(
                        "content", {}).values():
                    if "schema" not in media:
                        yield group, status, "*/*"
                        continue
                    for one in self.alternatives(media["schema"]):
                        yield group, status, name_of(one)

    def cover(self, path):
        rows = [line.split(":")[0].split() for line in open(path)
                if line.strip() and not line.startswith("#")]
        used = set()
        for item in sorted(set(self.declared()), key=str):
            words = [str(item[0]), item[1], item[2] or "-"]
            excuses = [i for i, row in enumerate(rows)
                       if all(map(fnmatch.fnmatchcase, words, row))]
            used.update(i for i in excuses if item not in self.seen)
            if item not in self.seen and not excuses:
                self.said.append(f"never seen: {' '.join(words)}")
        for i, row in enumerate(rows):
            if i not in used:
                self.said.append(f"excused without need: {' '.join(row)}")


def main(args):
    check = Check(Document(args[0]))
    for line in open(args[1]):
        check.exchange(json.loads(line))
    if "--cover" in args:
        check.cover(args[args.index("--cover") + 1])
    for line in check.said[:60]:
        print(line)
    print(f"{check.answers} answers, {len(check.seen)} kinds of them, "
          f"{len(check.said)} faults")
    return 1 if check.said or not check.answers else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
