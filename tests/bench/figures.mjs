/*
 * Figures: medians over rounds, a table for people, JSON for machines. What
 * performance.md wants of a figure (targets.mjs) stands below its row, as
 * information: nothing here ends with an error because something is slow.
 */
import {targets} from './targets.mjs';

export function median(values) {
	const v = values.filter(Number.isFinite).sort((a, b) => a - b);
	if (v.length === 0)
		return NaN;
	const half = v.length >> 1;
	return v.length % 2 ? v[half] : (v[half - 1] + v[half]) / 2;
}

/*
 * A measurement's result: columns {key, title, digits} and rows {name,
 * figures: {key: [a value a round]}, note}.
 */
const text = (value, digits) => Number.isFinite(value) ?
	value.toFixed(digits).replace(/\B(?=(\d{3})+(?!\d))(?<!\.\d*)/g, ',') :
	'-';

const judged = (value, {hold, aim, least}) => {
	const good = bound => least ? value >= bound : value <= bound;
	return good(aim) ? 'aim reached' : good(hold) ? 'held' : 'short';
};

export function targetLines(measure, row, columns) {
	return (targets[`${measure}/${row.name}`] ?? []).flatMap(t => {
		const column = columns.find(c => c.key === t.key);
		const value = median(row.figures[t.key] ?? []);
		if (!Number.isFinite(value))
			return [];
		const sign = t.least ? '≥' : '≤';
		return [`    ${column.title} ${text(value, column.digits)}: ` +
			`hold ${sign} ${t.hold}, aim ${sign} ${t.aim}: ` +
			judged(value, t)];
	});
}

export function table(measure, {columns, rows}) {
	const shown = columns.filter(c => rows.some(r => r.figures[c.key]));
	const cells = [['', ...shown.map(c => c.title)],
		...rows.map(r => [r.name, ...shown.map(c => r.figures[c.key] ?
			text(median(r.figures[c.key]), c.digits) : '')])];
	const wide = cells[0].map((_, i) =>
		Math.max(...cells.map(r => r[i].length)));
	const lines = cells.map(r => r.map((c, i) => i ?
		c.padStart(wide[i]) : c.padEnd(wide[i])).join('  '));
	const out = [lines[0].trimEnd()];
	rows.forEach((row, i) => {
		out.push(lines[i + 1] + (row.note ? `  ${row.note}` : ''));
		out.push(...targetLines(measure, row, columns));
	});
	return out.map(l => `  ${l}`.trimEnd()).join('\n');
}

const round = n => Number.isFinite(n) ? Number(n.toPrecision(6)) : null;
export const forMachines = (measure, {columns, rows}) => rows.map(row => ({
	name: row.name, note: row.note,
	figures: Object.fromEntries(columns
		.filter(c => row.figures[c.key]).map(c => [c.key, {
			title: c.title, median: round(median(row.figures[c.key])),
			rounds: row.figures[c.key].map(round)}])),
	targets: targets[`${measure}/${row.name}`]?.map(({key, hold, aim,
		least}) => ({key, [least ? 'atLeast' : 'atMost']: {hold, aim}})),
}));
