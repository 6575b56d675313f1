/* A stream by fetch, with headers, connected again: no more than that. */
import {fetchEventSource} from '@microsoft/fetch-event-source';

export const follow = (url, headers, signal, take) => fetchEventSource(url, {
	headers, signal, onmessage: ({event, id, data}) =>
		take(event, id, JSON.parse(data)),
});
