/*
 * The page of react.mjs: a component with a job, which can be taken away and
 * put back, and a <lowtide-job> beside it. `mode` is StrictMode's in strict.mjs.
 */
import {createElement as h, StrictMode, useReducer, version} from 'react';
import {createRoot} from 'react-dom/client';
import '../../templates/client/lowtide-job.mjs';
import {connect} from '../../templates/client/requests.mjs';
import {useJob} from '../../templates/client/use-job.mjs';

const api = connect({base: '/api/'});
const {searchParams: asked} = new URL(location);
const key = asked.get('key') ?? undefined;
globalThis.reactVersion = version;
globalThis.told = []; /* what the element told of */
globalThis.shown = []; /* what the component showed, each once */

function Work() {
	const it = useJob(api, key);
	const {job, state, result, error, busy} = it;
	globalThis.hook = it;
	const line = [state?.status ?? '-', state?.progress ?? '-', busy,
		result === undefined ? '-' : JSON.stringify(result),
		error?.type ?? '-'].join(' ');
	if (shown.at(-1) !== line)
		shown.push(line);
	return h('section', null,
		h('p', {id: 'line'}, line),
		h('progress', {max: 100, value: state?.progress}),
		h('button', {id: 'cancel', onClick: it.cancel}, 'Cancel'),
		h('lowtide-job', {job, label: 'The same',
			ondone: ({detail}) => told.push(['done', detail]),
			onfailed: ({detail}) => told.push(['failed', detail.type])},
		h('p', {slot: 'result'}, 'There it is')));
}

function App() {
	const [there, toggle] = useReducer((is) => !is, true);
	globalThis.toggle = toggle;
	return there && h(Work);
}

const root = document.body.appendChild(document.createElement('main'));
createRoot(root).render(globalThis.strict ? h(StrictMode, null, h(App)) :
	h(App));
globalThis.ready = true;
