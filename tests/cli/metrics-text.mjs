/*
 * What a scrape answers: a parser of the text format (0.0.4), which refuses
 * what Prometheus would, and a little that it would not.
 *
 *	const samples = parse(text);
 *	equal(of(samples, 'lowtide_requests_total', {code: '202'}), 3);
 */
import {equal, match, ok} from '../tap.mjs';

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*/;
const VALUE = /^(?:[+-]?(?:\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|Inf)|NaN)$/;
const SUFFIX = {histogram: ['_bucket', '_sum', '_count'], counter: [''],
	gauge: ['']};

/* name{a="b",c="d"} value */
function sample(line) {
	const name = NAME.exec(line)?.[0];
	ok(name, `no name: ${line}`);
	const labels = {};
	let rest = line.slice(name.length);
	if (rest.startsWith('{')) {
		rest = rest.slice(1);
		while (!rest.startsWith('}')) {
			const m = /^([a-zA-Z_]\w*)="((?:[^"\\\n]|\\[\\"n])*)"(,?)/
				.exec(rest);
			ok(m, `no label: ${rest}`);
			ok(!(m[1] in labels), `twice: ${line}`);
			labels[m[1]] = m[2].replace(/\\(.)/g,
				(_, c) => c === 'n' ? '\n' : c);
			rest = rest.slice(m[0].length);
			ok(m[3] || rest.startsWith('}'), line);
		}
		rest = rest.slice(1);
	}
	match(rest, /^ /, line);
	match(rest.slice(1), VALUE, line);
	return {name, labels, value: parseFloat(rest.slice(1))};
}

/* Map from a sample's name to [{labels, value}]. */
export function parse(text) {
	ok(text.endsWith('\n'), 'the last line ends');
	const families = {}, samples = {}, seen = new Set();
	let family;
	for (const line of text.slice(0, -1).split('\n')) {
		const said = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line);
		if (said?.[1] === 'HELP') {
			family = said[2];
			ok(!(family in families), `${family} stands twice`);
			families[family] = undefined;
		} else if (said) {
			equal(said[2], family);
			match(said[3], /^(counter|gauge|histogram)$/);
			families[family] = said[3];
		} else {
			ok(!line.startsWith('#'), line);
			const s = sample(line);
			ok(SUFFIX[families[family]]?.some(suffix =>
				s.name === family + suffix),
			`${s.name} is not of ${family}`);
			const key = s.name + JSON.stringify(s.labels);
			ok(!seen.has(key), `twice: ${line}`);
			seen.add(key);
			(samples[s.name] ??= []).push(s);
		}
	}
	for (const [name, type] of Object.entries(families)) {
		ok(type, `${name} has no type`);
		match(name, type === 'counter' ? /_total$/ : /(?<!_total)$/);
	}
	for (const [name, type] of Object.entries(families))
		for (const b of type === 'histogram' ?
			samples[`${name}_bucket`] ?? [] : [])
			ok('le' in b.labels);
	return samples;
}

export const of = (samples, name, labels = {}) => samples[name]?.find(s =>
	Object.entries(labels).every(([k, v]) => s.labels[k] === v))?.value;
