/*
 * The network between a browser and a server, for tests that break it: a TCP
 * proxy that knows no HTTP but what it looks for in what the browser sends.
 *
 *	const wire = await startWire(nginxPort);
 *	await page.go(wire.url);
 *	const lost = wire.lose(/^POST \/api\/order/);  // the next answer to it
 *	…
 *	await lost;
 *	wire.cut();     // whatever is open, in the midst of it
 *	await wire.away(); … await wire.back();  // nobody answers there
 */
import net from 'node:net';
import {cleanup} from '../tap.mjs';

const LAST = Buffer.from('0\r\n\r\n'); /* chunk (RFC 9112 7.1) */

export async function startWire(to) {
	const pairs = new Set();
	const traps = [];
	let port = 0;

	/* What becomes of the answer to what was just sent; undefined: it comes. */
	function trapped(text) {
		return traps.find(trap => trap.left > 0 && trap.what.test(text));
	}
	function take(near) {
		const far = net.connect(to, '127.0.0.1');
		/* busy: asked for what has not come, or not to its end */
		const pair = {trap: undefined, asked: '', busy: false, end() {
			pairs.delete(pair);
			near.resetAndDestroy();
			far.destroy();
		}};
		pairs.add(pair);
		near.on('data', bytes => {
			const text = bytes.toString('latin1');
			pair.asked = pair.busy ? pair.asked + text : text;
			pair.busy = true;
			pair.parts = undefined;
			pair.trap = trapped(pair.asked) ?? pair.trap;
			far.write(bytes);
		});
		far.on('data', bytes => {
			pair.parts ??= /^transfer-encoding: chunked/im
				.test(bytes.toString('latin1'));
			pair.busy = pair.parts &&
				!bytes.subarray(-5).equals(LAST);
			if (!pair.trap)
				return near.write(bytes);
			const {trap} = pair;
			trap.left--;
			trap.caught();
			/* kept back for good, or cut in its first line */
			if (trap.mute)
				return;
			near.write(bytes.subarray(0, trap.first), pair.end);
		});
		for (const end of ['error', 'close']) {
			near.on(end, pair.end);
			far.on(end, () => pair.trap?.mute || pair.end());
		}
		near.setNoDelay();
		far.setNoDelay();
	}
	let server;
	const back = () => new Promise(go => {
		server = net.createServer(take).listen(port, '127.0.0.1', () => {
			({port} = server.address());
			go();
		});
	});
	const cut = () => [...pairs].forEach(pair => pair.end());
	const away = () => new Promise(go => {
		server.close(go);
		cut();
	});
	/* Resolves when it has happened; `left` times, for what sends again. */
	const trap = (what, more) => new Promise(caught => traps.push(
		{what, left: 1, first: 0, mute: false, ...more, caught}));
	await back();
	cleanup(() => {
		server.close();
		cut();
	});
	return {
		port, url: `http://127.0.0.1:${port}`, cut, away, back,
		/* how many requests that fit have not had all of their answer */
		waiting: what => [...pairs].filter(({asked, busy}) =>
			busy && what.test(asked)).length,
		/* the connection breaks instead of the answer; first: bytes of it */
		lose: (what, more) => trap(what, more),
		/* the answer never comes, and nothing says so */
		mute: what => trap(what, {mute: true, left: Infinity}),
		/* no more traps */
		clear: () => traps.splice(0),
	};
}
