/* What is drawn again with the same seed, in the same order. */
export function drawer(seed) {
	let state = seed >>> 0;
	const real = () => {
		state = state + 0x9e3779b9 >>> 0;
		let x = state;
		x = Math.imul(x ^ x >>> 16, 0x21f0aaad);
		x = Math.imul(x ^ x >>> 15, 0x735a2d97);
		return ((x ^ x >>> 15) >>> 0) / 2 ** 32;
	};
	return {real, of: list => list[Math.floor(real() * list.length)],
		/* [[weight, what]] */
		one: table => {
			let left = real() * table.reduce((s, [w]) => s + w, 0);
			return table.find(([w]) => (left -= w) < 0)[1];
		}};
}
