/*
 * A job in a React component (18 or later), on top of requests.mjs.
 *
 *	const {state, result, error, busy, submit} = useJob(api, 'export');
 *
 * There is one watcher for each component and key, and what it knows is what
 * the hook returns. A component that goes stops watching, never the job: what
 * has no ticket yet gets it first. Who comes back finds it again, be it after a
 * reload (by the key), in StrictMode, or in a part that was hidden for a while.
 */
import {useMemo, useSyncExternalStore} from 'react';

const NONE = {
	job: null, state: null, result: undefined, error: null, busy: false,
};
const none = () => {};

export function useJob(client, key) {
	const {mount, get} = useMemo(() => watcher(client, key),
		[client, key]);
	return useSyncExternalStore(mount, get, get);
}

function watcher(client, key) {
	let tell; /* set while it is mounted */
	let own; /* what stops the watching of seen.job */
	let seen = {
		...NONE, watch,
		submit: (api, body, options) => start((signal) =>
			client.submit(api, body, {...options, key, signal})),
		cancel() {
			seen.job?.cancel().catch(none);
		},
		reset() {
			leave();
			own = null;
			show(NONE);
		},
	};

	function show(more) {
		seen = {...seen, ...more};
		tell?.();
	}

	/* Without a ticket it may not have arrived: take() does it then. */
	function leave() {
		if (seen.job?.statusUrl)
			own.abort();
	}

	function start(make) {
		const stop = new AbortController();
		const job = make(stop.signal);
		if (!job)
			return;
		leave();
		own = stop;
		show({...NONE, job, state: job.state, busy: true});
		take(job, stop);
	}

	async function take(job, stop) {
		const live = () => own === stop && !stop.signal.aborted;
		try {
			/* asked for now: afterwards would be to watch anew */
			const end = job.result();
			end.catch(none);
			for await (const state of job) {
				if (!live())
					return stop.abort();
				show({state});
				if (!tell)
					leave();
			}
			const result = await end;
			if (live())
				show({result, busy: false});
		} catch (error) {
			if (live())
				show({error, busy: false});
		}
	}

	function watch() {
		const url = seen.job?.statusUrl;
		start((signal) => key && client.resume(key, {signal}) ||
			url && client.follow(url, {signal}));
	}

	return {
		get: () => seen,
		mount(listener) {
			tell = listener;
			if (!seen.job || seen.busy && own.signal.aborted)
				watch();
			return () => {
				tell = null;
				leave();
			};
		},
	};
}
