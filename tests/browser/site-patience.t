#!/usr/bin/env bash
# What a page says when its patience ends before the job does
# (site-patience.mjs).
. tests/lib.sh
. tests/browser/site.sh site-patience --set upstream.hmrc.timeout=110s \
	--set upstream.bundles.timeout=110s
