/*
 * A site as people bring it from elsewhere: pages with srcset and sheets,
 * what a bundler left in assets/app/ (hashed names, relative imports, lazy
 * chunks, a worker, source maps), and a whole finished site in static/old/
 * that nobody may touch. Everything is made here; pictures and the font are
 * real ones, so that a browser can refuse them.
 */
import {mkdirSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {deflateSync} from 'node:zlib';

export const PICTURES = 120;
export const CHUNKS = 60;
export const PAGES = 40;

/* As PNG has it; node 18 has none of its own. */
function crc32(bytes) {
	let crc = ~0;
	for (const byte of bytes) {
		crc ^= byte;
		for (let i = 0; i < 8; i++)
			crc = crc >>> 1 ^ 0xedb88320 & -(crc & 1);
	}
	return ~crc >>> 0;
}

/* One colour, size × size. */
function png(size, [r, g, b]) {
	const part = (type, data) => {
		const body = Buffer.concat([Buffer.from(type), data]);
		const out = Buffer.alloc(body.length + 8);
		out.writeUInt32BE(data.length, 0);
		body.copy(out, 4);
		out.writeUInt32BE(crc32(body), body.length + 4);
		return out;
	};
	const head = Buffer.alloc(13);
	head.writeUInt32BE(size, 0);
	head.writeUInt32BE(size, 4);
	head.set([8, 2], 8);
	const line = Buffer.from([0, ...Array(size).fill([r, g, b]).flat()]);
	return Buffer.concat([
		Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
		part('IHDR', head),
		part('IDAT', deflateSync(
			Buffer.concat(Array(size).fill(line)))),
		part('IEND', Buffer.alloc(0)),
	]);
}

/* A TrueType font of one letter, "A", a square. */
function font() {
	const u16 = (...n) => Buffer.from(n.flatMap((x) =>
		[x >> 8 & 255, x & 255]));
	const u32 = (...n) => Buffer.concat(n.map((x) =>
		u16(x >>> 16, x & 0xffff)));
	const glyph = Buffer.concat([
		u16(1, 0, 0, 500, 500), u16(3), u16(0),
		Buffer.from([1, 1, 1, 1]),
		u16(0, 500, 0, -500 & 0xffff), u16(0, 0, 500, 0)]);
	const square = Buffer.concat([glyph,
		Buffer.alloc(-glyph.length & 3)]);
	const names = ['Own', 'Regular', 'Own', 'Own', '1', 'Own'].map((s) =>
		u16(...[...s].map((c) => c.charCodeAt(0))));
	let at = 0;
	const records = names.map((s, i) => {
		const record = u16(3, 1, 0x409, i + 1, s.length, at);
		at += s.length;
		return record;
	});
	const cmap = Buffer.concat([u16(0, 1, 3, 1), u32(12),
		u16(4, 32, 0, 4, 4, 1, 0, 65, 0xffff, 0, 65, 0xffff,
			-64 & 0xffff, 1, 0, 0)]);
	const tables = {
		'OS/2': Buffer.concat([
			u16(4, 500, 400, 5, 0, 500, 500, 0, 0, 500, 500, 0, 0,
				50, 250, 0),
			Buffer.alloc(10), u32(1, 0, 0, 0), Buffer.from('OWN '),
			u16(64, 65, 65, 800, -200 & 0xffff, 0, 800, 200),
			u32(1, 0), u16(500, 500, 0, 32, 1)]),
		cmap,
		glyf: square,
		head: Buffer.concat([u32(0x10000, 0x10000, 0, 0x5f0f3cf5),
			u16(3, 1000), Buffer.alloc(16), u16(0, 0, 500, 500, 0,
				8, 2, 1, 0)]),
		hhea: Buffer.concat([u32(0x10000), u16(800, -200 & 0xffff, 0,
			500, 0, 0, 500, 1, 0, 0, 0, 0, 0, 0, 0, 2)]),
		hmtx: u16(500, 0, 500, 0),
		loca: u32(0, 0, square.length),
		maxp: Buffer.concat([u32(0x10000), u16(2, 4, 1, 0, 0, 1, 0, 0,
			0, 0, 0, 0, 0, 0)]),
		name: Buffer.concat([u16(0, names.length,
			6 + 12 * names.length), ...records, ...names]),
		post: Buffer.concat([u32(0x30000), Buffer.alloc(28)]),
	};
	const sum = (b) => {
		let n = 0;
		for (let i = 0; i < b.length; i += 4)
			n = n + (b[i] << 24 | (b[i + 1] ?? 0) << 16 |
				(b[i + 2] ?? 0) << 8 | (b[i + 3] ?? 0)) >>> 0;
		return n;
	};
	const list = Object.entries(tables);
	let offset = 12 + 16 * list.length;
	const rows = [];
	const bodies = [];
	for (const [tag, body] of list) {
		const padded = Buffer.concat([body,
			Buffer.alloc(-body.length & 3)]);
		rows.push(Buffer.from(tag), u32(sum(padded), offset,
			body.length));
		bodies.push(padded);
		offset += padded.length;
	}
	return Buffer.concat([u32(0x10000), u16(list.length, 128, 3, 32),
		...rows, ...bodies]);
}

/* What the bundler wrote: a tree of chunks, each imports two others. */
const hash = (i) => (i * 2654435761 >>> 0).toString(36).slice(0, 6);
export const chunk = (i) => `chunk-${hash(i)}.mjs`;

function chunks(put, folder) {
	for (let i = 0; i < CHUNKS; i++) {
		const below = [2 * i + 1, 2 * i + 2].filter((j) => j < CHUNKS);
		put(`${folder}/${chunk(i)}`, `${below.map((j) =>
			`import {n as n${j}} from"./${chunk(j)}";\n`).join('')
		}export const n = ${['1', ...below.map((j) => `n${j}`)]
			.join(' + ')};\n//# sourceMappingURL=${chunk(i)}.map`);
		put(`${folder}/${chunk(i)}.map`, JSON.stringify({version: 3,
			sources: [`../src/${i}.ts`], names: [], mappings: ''}));
	}
	put(`${folder}/lazy-1a2b3c.mjs`, `import {n} from './${chunk(1)}';
		export const lazy = n > 1;`);
	put(`${folder}/worker-4d5e6f.mjs`, `import {n} from './${chunk(2)}';
		postMessage(n);`);
	put(`${folder}/data-7a8b.json`, '{"answer": 42}');
}

function app(pictures) {
	return `import {n} from './${chunk(0)}';
import '/assets/app/${chunk(1)}';
const maps = /["'\`]/; // a quote that is none
const {lazy} = await import('./lazy-1a2b3c.mjs');
const data = await (await fetch(
	new URL('data-7a8b.json', import.meta.url))).json();
const worker = new Worker(new URL('./worker-4d5e6f.mjs', import.meta.url),
	{type: 'module'});
const said = await new Promise((resolve, reject) => {
	worker.onmessage = (e) => resolve(e.data);
	worker.onerror = () => reject(new Error('the worker'));
});
const picture = new Image();
picture.src = new URL('${pictures}/p1.png', import.meta.url);
await picture.decode();
globalThis.result = {n, lazy, answer: data.answer, worker: said > 1,
	picture: picture.naturalWidth, legacy: globalThis.legacy};
`;
}

const sheet = (up) => `@charset "utf-8";
@import "./reset-c0ffee.css";
@import url(${up}css/theme.css) layer(theme) supports(display: grid);
@font-face{font-family:Own;src:local("no such font"),
	url("${up}fonts/own.ttf?v=1#own") format("truetype")}
.hero{width:4px;height:4px;background:url(${up}img/p2.png)}
.set{width:4px;height:4px;
	background:image-set("${up}img/p3.png" 1x, "${up}img/p4.png" 2x)}
.own{font-family:Own}
/* url(${up}img/not-there.png) */
`;

/* The very same thing as a finished site, in its own folder. */
function old(put) {
	put('static/old/index.html', `<!doctype html><title>old</title>
<link rel="stylesheet" crossorigin href="./assets/index-0dd.css">
<link rel="modulepreload" crossorigin href="./assets/${chunk(0)}">
<script type="module" crossorigin src="./assets/index-b16b00b5.mjs"></script>
<img src="./img/p1.png" alt=""><p class="own">A</p>`);
	chunks(put, 'static/old/assets');
	put('static/old/assets/index-b16b00b5.mjs',
		app('../img').replaceAll('/assets/app/', './'));
	put('static/old/assets/index-0dd.css', sheet('../'));
	put('static/old/assets/reset-c0ffee.css', '*{margin:0}');
	put('static/old/css/theme.css', 'p{color:#123456}');
	put('static/old/fonts/own.ttf', font());
	for (let i = 1; i < 5; i++)
		put(`static/old/img/p${i}.png`, png(2, [i, 0, 0]));
}

export function make(dir, base) {
	let n = 0;
	const put = (name, bytes) => {
		const file = path.join(dir, name);
		mkdirSync(path.dirname(file), {recursive: true});
		writeFileSync(file, bytes);
		n++;
	};
	put('site.toml', 'name = "brought"\n');
	put('env/base.toml', `base_url = "${base}"\n`);
	for (let i = 0; i < PICTURES; i++)
		put(`assets/img/p${i}.png`, png(1 + i % 3, [i, 2 * i, 99]));
	put('assets/img/an icon, (1).svg', `<svg xmlns="http://www.w3.org/2000/svg"
		width="5" height="5"><symbol id="dot"><circle r="2"/></symbol></svg>`);
	chunks(put, 'assets/app');
	put('assets/app/main-5f3c1d.mjs', app('../img'));
	put('assets/app/main-5f3c1d.css', sheet('../'));
	put('assets/app/reset-c0ffee.css', '*{margin:0}');
	put('assets/css/theme.css', 'p{color:#123456}');
	put('assets/legacy.js', 'globalThis.legacy = true;');
	put('assets/fonts/own.ttf', font());
	const head = `<!doctype html><html lang="en"><meta charset="utf-8">
<meta property="og:image" content="${base}/assets/img/p5.png">
<link rel="icon" href="/assets/img/p0.png">
<link rel="stylesheet" href="/assets/app/main-5f3c1d.css">`;
	for (let i = 1; i < PAGES; i++)
		put(`pages/guide/p${i}.html`, `${head}<title>${i}</title>
<a href="../index.html">home</a> <a href="p${i % (PAGES - 1) + 1}.html">on</a>
<picture><source media="(min-width:1px)" srcset="../assets/img/p${i}.png 1x,
 /assets/img/p${i + 1}.png 2x"><img src="/assets/img/p${i + 2}.png" alt="">
</picture>`);
	put('pages/index.html', `${head}<title>home</title>
<script src="/assets/legacy.js" defer></script>
<link rel="preload" as="image" imagesrcset="/assets/img/p6.png 1x">
<script type="module" src="/assets/app/main-5f3c1d.mjs"></script>
${Array.from({length: 60}, (_, i) => `<img alt="" src="assets/img/p${i}.png"
 srcset="assets/img/p${i + 1}.png 3x">`).join('\n')}
<img alt="" id="icon" src="/assets/img/an%20icon,%20(1).svg">
<svg><use href="/assets/img/an%20icon,%20(1).svg#dot"/></svg>
<p class="own">A</p><div class="hero"></div><div class="set"></div>`);
	old(put);
	return n;
}
