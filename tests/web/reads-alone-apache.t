#!/usr/bin/env bash
# A site of reads and no API: reads-routes.mjs.
exec node tests/web/reads-routes.mjs apache alone
