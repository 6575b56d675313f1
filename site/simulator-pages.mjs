/*
 * What a person sees of the simulated providers: the question with its two
 * buttons, and what is wrong with a request that must not be answered. Nothing
 * of a request is on them but what esc() was put around.
 */
import {createHash} from 'node:crypto';

const STYLE = `
:root { color-scheme: light dark; --ground: #eceaf2; --sheet: #fff;
	--ink: #1f1b2d; --soft: #5b566b; --line: #d5d0e0; --act: #4b3a8c;
	--on-act: #fff; --wash: #f1eefb; }
@media (prefers-color-scheme: dark) { :root { --ground: #14121b;
	--sheet: #1f1c29; --ink: #eeebf7; --soft: #b1abc4; --line: #393449;
	--act: #b9a8ff; --on-act: #1c1533; --wash: #2a2540; } }
* { box-sizing: border-box; margin: 0; }
body { background: var(--ground); color: var(--ink); padding: 1rem;
	font: 1rem/1.55 system-ui, "DejaVu Sans", sans-serif; }
main { max-width: 30rem; margin: 4vh auto; background: var(--sheet);
	border: 1px solid var(--line); border-radius: 14px;
	padding: clamp(1.1rem, 5vw, 2rem); display: grid; gap: 1.1rem; }
.simulated { background: var(--wash); border-left: 4px solid var(--act);
	border-radius: 0 8px 8px 0; padding: .6rem .9rem; font-size: .92rem; }
h1 { font-size: 1.5rem; line-height: 1.25; letter-spacing: -.02em; }
ul { padding-left: 1.2rem; } li { padding: .15rem 0; }
.who { color: var(--soft); }
code { overflow-wrap: anywhere; }
form { display: flex; flex-wrap: wrap; gap: .75rem; }
button { flex: 1 1 15rem; min-height: 2.75rem; padding: .55rem 1.25rem;
	font: inherit; font-weight: 600; border-radius: 99px; cursor: pointer;
	border: 1.5px solid var(--act); background: none; color: var(--act); }
button.primary { background: var(--act); color: var(--on-act); }
button:hover { text-decoration: underline; }
:focus-visible { outline: 3px solid var(--act); outline-offset: 2px; }
`;
const STYLE_SOURCE = `'sha256-${createHash('sha256').update(STYLE)
	.digest('base64')}'`;

const esc = (text) => String(text).replace(/[&<>"']/g,
	(c) => `&#${c.charCodeAt(0)};`);

function page(provider, status, title, main, goesTo = '') {
	return {status, headers: {
		'content-type': 'text/html; charset=utf-8',
		'cache-control': 'no-store',
		'referrer-policy': 'no-referrer',
		'x-content-type-options': 'nosniff',
		/* a form's redirect is held against form-action as well */
		'content-security-policy': `default-src 'none'; style-src ${
			STYLE_SOURCE}; form-action 'self' ${goesTo}; ` +
			"base-uri 'none'; frame-ancestors 'none'",
	}, page: `<!doctype html>
<html lang="en-GB">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${esc(title)} · simulated ${esc(provider.name)}</title>
<style>${STYLE}</style>
<main>
<p class="simulated"><strong>This is a simulated sign-in.</strong> It stands in
for ${esc(provider.name)}’s page and runs on this machine. No password is asked
for, and nothing leaves it.</p>
${main}
</main>
</html>
`};
}

/*
 * people: [[decision, {name, email}]], who was here last first; last: that one,
 * where somebody was.
 */
export function askPage(provider, {question, scopes, origin, people, last}) {
	return page(provider, 200, provider.title, `<h1>${esc(provider.title)}</h1>
<p>Tidewater VAT ${esc(provider.asks)}</p>
<ul>
${scopes.map((text) => `<li>${esc(text)}</li>`).join('\n')}
</ul>
<p class="who">${last ? `You signed in here as ${esc(last.name)}, ${
	esc(last.email)}.` : 'Who you are is for you to say.'}</p>
<p class="who">Afterwards you are taken back to ${esc(origin)}.</p>
<form method="post" action="${esc(provider.path)}">
<input type="hidden" name="question" value="${esc(question)}">
${people.map(([decision, {name}], i) => `<button${i ? '' :
	' class="primary"'} name="decision" value="${esc(decision)}">${
	esc(provider.allow)} ${esc(name.split(' ')[0])}</button>`).join('\n')}
<button name="decision" value="cancel">Cancel</button>
</form>`, origin);
}

export function errorPage(provider, text, about) {
	return page(provider, 400, 'This cannot be answered', `<h1>This cannot be
answered</h1>
<p>${esc(text)}</p>
${about === undefined ? '' : `<p><code>${esc(about)}</code></p>
`}<p class="who">Nobody was signed in, and nobody was told anything.</p>`);
}
