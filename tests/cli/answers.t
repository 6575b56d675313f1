#!/usr/bin/env bash
# What the endpoint and the worker make of a job together (answers.mjs).
exec node tests/cli/answers.mjs
