#!/usr/bin/env bash
# Workers and endpoint are killed, ended and stopped under load, over an upstream
# that keeps a record of its own (work.mjs): nothing is lost, and nothing is done
# twice that must not be.
exec node tests/fault/work.mjs
