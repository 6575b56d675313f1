/*
 * The page of stream.mjs. start() is told whose it is and with which tokens:
 * the first, and those that refresh() gives. What the stream tells is in
 * globalThis.told, in its order; what becomes of jobs in globalThis.jobs.
 */
import {connect} from '/requests.mjs';
import {shareStream} from '/shared-stream.mjs';

globalThis.told = [];
globalThis.jobs = {};
globalThis.start = (owner, ...tokens) => {
	globalThis.api = connect({base: '/api/', headers({refresh}) {
		if (refresh && tokens.length > 1)
			tokens.shift();
		return {authorization: tokens[0]};
	}});
	globalThis.stream = shareStream(api, {owner});
	for (const type of ['live', 'lost', 'gap', 'close'])
		stream.addEventListener(type, ({detail}) =>
			told.push(detail ? `${type} ${detail.type}` : type));
	stream.addEventListener('job', ({detail: {id, document}}) =>
		told.push({id: Number(id), job: document.jobId,
			status: document.status}));
};
globalThis.send = (hold) => {
	const job = api.submit('sealed', {sku: 'tea'}, {wait: 0,
		headers: {say: JSON.stringify({hold})}});
	const its = jobs[hold] = {states: [], result: undefined, job};
	job.onprogress = ({status}) => its.states.push(status);
	job.result().then((result) => {
		its.result = result;
	}, (error) => {
		its.result = `${error.type}: ${error.message}`;
	});
};
globalThis.ready = true;
