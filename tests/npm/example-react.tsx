/* How use-job.mjs is used from TypeScript, and <lowtide-job> in a component. */
import {StrictMode, useEffect, useRef, type DetailedHTMLProps,
	type HTMLAttributes} from 'react';
import {createRoot} from 'react-dom/client';
import {connect, type Job} from './requests.mjs';
import {useJob, type UseJob} from './use-job.mjs';
import type {LowtideJob} from './lowtide-job.mjs';

declare module 'react' {
	namespace JSX {
		interface IntrinsicElements {
			'lowtide-job': DetailedHTMLProps<
				HTMLAttributes<LowtideJob>, LowtideJob> & {
				job?: Job | null; label?: string};
		}
	}
}

interface Table {
	rows: number;
}
const api = connect({base: '/api/v1/'});

function Export({year}: {year: number}) {
	const it: UseJob<Table> = useJob<Table>(api, `export-${year}`);
	const {state, result, error, busy, submit, cancel, watch, reset} = it;
	useEffect(() => {
		/* they are the same from one rendering to the next */
	}, [submit, cancel, watch, reset]);
	// @ts-expect-error: it may not be there
	result.rows;
	// @ts-expect-error: the key is the hook's
	const twice = () => submit('export', {year}, {key: 'export'});
	if (error?.type === 'still-running')
		return <button onClick={watch}>Look again</button>;
	if (error)
		return <p onClick={reset}>{error.message}</p>;
	if (result)
		return <p onDoubleClick={twice}>{result.rows} rows</p>;
	if (busy)
		return <p><progress max="100" value={state?.progress}/>
			<button onClick={cancel}>Cancel</button></p>;
	return <button onClick={() => submit('export', {year}, {wait: 0})}>
		Export</button>;
}

function Shown() {
	const {job} = useJob(api);
	const at = useRef<LowtideJob>(null);
	return <lowtide-job ref={at} job={job} label="The export"/>;
}

createRoot(document.body).render(<StrictMode>
	<Export year={2026}/>
	<Shown/>
</StrictMode>);

// @ts-expect-error: whose?
export const nobodys = () => useJob('export');
