/*
 * The page of the client*.mjs tests: a connection whose credentials a test can
 * change, and a record of what each job told.
 */
import {RequestError, connect} from '/requests.mjs';

globalThis.RequestError = RequestError;
/* Authorization of each request, and what takes its place by a refresh. */
globalThis.bearer = null;
globalThis.fresh = null;
/* A promise: a refresh takes so long. */
globalThis.gate = null;
/* Whether each call of headers() was to refresh. */
globalThis.asked = [];

globalThis.dial = ({more = {}, ...connection} = {}) => {
	globalThis.api = connect({
		base: '/api/',
		async headers({refresh}) {
			asked.push(refresh);
			if (refresh) {
				await globalThis.gate;
				globalThis.bearer = fresh;
			}
			return {...more, ...bearer && {authorization: bearer}};
		},
		...connection,
	});
};

/* {states, result or error} of each, by name; it is `over` when both know. */
globalThis.jobs = {};
const word = state => state.stillRunning ? 'still-running' :
	state.needsCredentials ? 'needs-credentials' : state.status;
const plain = error => ({name: error.name, type: error.type,
	status: error.status, message: error.message,
	ours: error instanceof RequestError, body: error.body ?? null});

globalThis.watch = (name, job) => {
	const it = jobs[name] = {job, states: [], progress: []};
	const told = (async () => {
		for await (const state of job) {
			it.states.push(word(state));
			it.progress.push(state.progress);
		}
	})().catch(error => {
		it.thrown = plain(error);
	});
	const ended = job.result().then(result => {
		it.result = result;
	}, error => {
		it.error = plain(error);
	});
	Promise.all([told, ended]).then(() => {
		it.over = true;
	});
	return job;
};

globalThis.submit = (name, path, body, {way = 'submit', ...options} = {}) => {
	watch(name, api[way](path, body, options));
};
globalThis.seen = name => {
	const {job, ...it} = jobs[name];
	return JSON.parse(JSON.stringify({...it, statusUrl: job.statusUrl,
		requestId: job.requestId, location: job.location,
		state: job.state}));
};

dial();
globalThis.ready = true;
