/* How requests.mjs and shared-stream.mjs are used from TypeScript. */
import {connect, RequestError, type Client, type Job, type JobEvent,
	type Kept, type Settle, type Status} from './requests.mjs';
import {shareStream, type SharedStream} from './shared-stream.mjs';

interface Receipt {
	formBundleNumber: string;
}

export const api: Client = connect({
	base: new URL('https://api.vat.example/api/v1/'),
	async headers({refresh}) {
		// @ts-expect-error: a boolean
		refresh.length;
		return {authorization: refresh ? 'Bearer new' : 'Bearer old'};
	},
	credentials: 'omit',
	patience: 120_000,
});
connect({base: '/api/', headers: () => new Headers()});
// @ts-expect-error: where to?
connect({});
// @ts-expect-error: in milliseconds
connect({base: '/api/', patience: '1 min'});

export async function send(vrn: string, signal: AbortSignal): Promise<string> {
	const seen: Status['status'][] = [];
	const job: Job<Receipt> = api.submit<Receipt>('POST hmrc/vat/return',
		{vrn, periodKey: '26A1'}, {key: `return-${vrn}`, wait: 0, signal,
			headers: {'x-client': '1'}});
	job.onprogress = ({progress, stillRunning}) =>
		console.log(progress ?? 0, stillRunning ?? false);
	try {
		for await (const {status, held, message} of job) {
			seen.push(status);
			if (held)
				return message ?? 'held';
		}
		const receipt = await job.result();
		return job.location ?? receipt.formBundleNumber;
	} catch (error) {
		if (!(error instanceof RequestError))
			throw error;
		const {type, status, problem, body} = error;
		// @ts-expect-error: nobody knows what the upstream said
		body.code;
		return `${type} ${status.toFixed()} ${problem.detail ?? ''}`;
	}
}

export async function more(): Promise<Status[]> {
	api.submit('bundle', new FormData());
	api.submit('DELETE bundle/7');
	api.submit('PUT text', 'text', {wait: 1000});
	api.submit('lines', [1, 2]);
	const unknown = await api.submit('x', null).result();
	// @ts-expect-error: nobody said what it is
	unknown.formBundleNumber;
	// @ts-expect-error: in milliseconds
	api.submit('x', {}, {wait: '1s'});
	// @ts-expect-error: no such option
	api.submit('x', {}, {method: 'PUT'});
	const found: Job<Receipt> | null = api.resume<Receipt>('return');
	// @ts-expect-error: nothing may be known of it
	found.result();
	if (found?.state?.cancelRequestedAt)
		await found.cancel();
	const followed = api.follow<Receipt>('https://x.example/job_1');
	// @ts-expect-error: no such state
	if ((await followed.cancel()).status === 'done')
		// @ts-expect-error: it is read
		followed.statusUrl = null;
	const kept: Kept[] = api.kept();
	// @ts-expect-error: it may not be there
	kept[0].requestId;
	const answer: Response = await api.fetch('bundle', {method: 'GET'});
	const all: Status[] = await answer.json();
	for await (const one of api.jobs({api: 'bundle', status: 'failed'}))
		all.push(one);
	return all;
}

export function add(id: string, list: Set<string>): Job<{id: string}> {
	return api.fireAndForget('POST bundle', {id}, {
		ttl: 300_000,
		optimistic(): Settle {
			list.add(id);
			return (how) => {
				if (!how.confirmed && how.error.type !== 'network')
					list.delete(id);
				// @ts-expect-error: only if it was
				how.result;
			};
		},
	});
}
// @ts-expect-error: nothing is made of it
api.fireAndForget('bundle', {}, {optimistic: () => 7});

export async function live(signal: AbortSignal): Promise<void> {
	for await (const {event, id, document} of api.events({view: 'command',
		since: '7', signal}))
		console.log(event, id.length, document.jobId);
	// @ts-expect-error: no such view
	api.events({view: 'own'});
	const stream: SharedStream = shareStream(api, {owner: 'me'});
	stream.addEventListener('job', ({detail}) => {
		const told: JobEvent = detail;
		console.log(told.document.status);
	});
	stream.addEventListener('lost', () => console.log(stream.leading));
	const leave = stream.follow('job_1', (document) =>
		console.log(document?.status));
	leave();
	api.stream = stream;
	api.stream = null;
	stream.close();
	// @ts-expect-error: whose?
	shareStream(api, {});
}
