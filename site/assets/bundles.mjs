/*
 * Bundles: what one has, and what may be added. A change is sent and forgotten:
 * the page shows at once what is going to be, and puts it right when the answer
 * is there. Under way is what its key is kept for, so a reload loses nothing.
 * The way to send it is loaded when somebody is about to.
 */
import {$, AS_IT_WAS, day, fill, needSignIn, onDemand, trouble}
	from './page.mjs';
import {asOf, cache, reading} from './reads.mjs';
import {put} from './rows.mjs';
import {hasSent} from './session.mjs';

const BUNDLES = '/api/v1/bundle';
const KEPT = {stale: 300, staleIfError: 30 * 86400};
/* ms until a look shows what was confirmed: it is kept for two seconds */
const SETTLES = 3000;
const CHANGED = 'bundles-changed';
const KEY = /^bundle (add|remove) (\S+)(?: (\S+))?$/;

const mine = $('#my-bundles');
const said = $('#bundles-said');
const cards = [...document.querySelectorAll('.bundle')];
const names = Object.fromEntries(cards.map((card) =>
	[card.dataset.id, $('h3', card).textContent]));

let read = null;           /* what was read last */
/*
 * key → {kind, bundleId, id, state, why, again}. state: sent, confirmed,
 * refused; or still: we have stopped waiting, again() looks once more.
 */
const changes = new Map();

/*
 * What is going to be: what was read, and all changes laid over it. One that
 * is confirmed stays until it was read, too.
 */
function expected() {
	const all = (read?.value.bundles ?? []).map((one) => ({...one}));
	for (const change of changes.values()) {
		const found = all.find(({id, bundleId, coming}) =>
			change.id && !coming ? id === change.id :
				change.kind === 'add' &&
				bundleId === change.bundleId);
		if (change.kind === 'remove') {
			if (found)
				Object.assign(found, {change});
		} else if (found) {
			found.change = found.coming ? change : undefined;
		} else if (change.state !== 'refused') {
			all.push({...change, change});
		}
	}
	return all.filter(({change, coming}) => change?.kind === 'remove' ?
		change.state !== 'confirmed' :
		!coming || change?.state !== 'refused');
}

const badges = {
	'add sent': 'Confirming…', 'remove sent': 'Removing…',
	'add still': 'Not confirmed yet', 'remove still': 'Still yours',
};

function row({id, bundleId, since, change, coming}) {
	const name = names[bundleId] ?? bundleId;
	const made = fill('mine', {'.period': name,
		'.due': since ? `since ${day(since)}` : 'from now on'});
	const badge = badges[`${change?.kind} ${change?.state}`] ??
		(coming ? badges['add sent'] : '');
	const button = $('button', made);
	made.dataset.bundle = bundleId;
	made.dataset.id = id ?? ''; /* two of one bundle are not the same */
	made.dataset.state = change?.state ?? (coming ? 'sent' : 'settled');
	made.dataset.kind = change?.kind ?? '';
	$('.badge', made).textContent = badge;
	$('.badge', made).hidden = !badge;
	$('.why', made).textContent = change?.why ?? '';
	const again = change?.state === 'still' && change.again;
	button.hidden = !again && (!!badge || !id);
	button.setAttribute('aria-label',
		again ? `Look again: ${name}` : `Remove ${name}`);
	if (again)
		button.textContent = 'Look again';
	else if (change?.state === 'refused')
		button.textContent = 'Try again';
	button.addEventListener('click', again ||
		(() => remove(id, bundleId)));
	return made;
}

function card(box, has) {
	const {id} = box.dataset;
	const change = changes.get(`bundle add ${id}`);
	const button = $('button', box);
	box.dataset.state = change?.state ?? (has ? 'settled' : 'none');
	button.disabled = has;
	button.textContent = has ? 'Yours' :
		change?.state === 'refused' ? 'Try again' : 'Add';
	button.setAttribute('aria-label', `${button.textContent}: ${names[id]}`);
	$('.bundle-said', box).textContent = change?.why ??
		(change?.state === 'sent' ? 'Added. Confirming…' :
			change?.state === 'confirmed' ? 'Yours. Confirmed.' :
				'');
}

function paint() {
	const all = expected();
	put(mine, all.map(row));
	for (const box of cards)
		card(box, all.some(({bundleId, change}) =>
			bundleId === box.dataset.id &&
			change?.kind !== 'remove'));
	if (!read)
		return;
	said.textContent = `${all.length ? '' : 'You have none yet. Starter ' +
		'is free, and lets you file.'} ${asOf(read)}`.trim();
}

/* Confirmed, and read: nothing is left to be laid over. */
function show(what) {
	read = what;
	for (const [key, {kind, id, state}] of changes)
		if (state === 'confirmed' && !read.expected &&
			(kind === 'add') === read.value.bundles.some((one) =>
				one.id === id))
			changes.delete(key);
	paint();
}

function instead([title, text]) {
	said.textContent = '';
	mine.replaceChildren();
	$('#bundles-trouble').replaceChildren(
		fill('trouble', {h3: title, p: text}));
}

/* anew: what was expected is nobody's any more, whoever expected it */
async function look(anew = false) {
	mine.setAttribute('aria-busy', 'true');
	try {
		if (anew)
			await cache.invalidate(BUNDLES);
		await reading(BUNDLES, KEPT, show);
		$('#bundles-trouble').replaceChildren();
	} catch (error) {
		if (needSignIn(error) && read)
			said.textContent = AS_IT_WAS;
		else
			instead(trouble(error, 'The bundle service'));
	}
	mine.removeAttribute('aria-busy');
}

/* Nobody knows yet whether it will be; the reading says so meanwhile. */
const foreseen = {
	add: ({bundleId}) => (all) =>
		all.some((one) => one.bundleId === bundleId) ? all :
			[...all, {id: null, bundleId, since: null, coming: true}],
	/* also where it is still foreseen itself */
	remove: ({id, bundleId}) => (all) => all.filter((one) =>
		one.id !== id && !(one.coming && one.bundleId === bundleId)),
};
/*
 * {optimistic, lifted}: what is expected, and when it is no more, because the
 * change has settled. Where nothing was read, one bundle more is not all there
 * are.
 */
function foresee(change) {
	let told;
	const lifted = new Promise((resolve) => {
		told = resolve;
	});
	const optimistic = () => cache.expect(BUNDLES, (value) => value && {
		...value, bundles: foreseen[change.kind](change)(value.bundles),
	}).then((lift) => (how) => lift(how).finally(told), told);
	return {optimistic, lifted};
}

const not = {add: 'Not added', remove: 'Not removed'};
/* After these it is kept, and goes on when this page is loaded anew. */
const KEPT_ON = ['network', 'unauthorized', 'still-running'];

function why(kind, error) {
	if (error.type === 'still-running')
		return 'Not confirmed yet. It goes on; look again later.';
	const yet = KEPT_ON.includes(error.type) ? ' yet' : '';
	return `${not[kind]}${yet}. ${error.body?.message ?
		`${error.body.message}.` : trouble(error, 'The bundle service')[1]}`;
}

/* When something was changed here last, also by the page before this one. */
const changed = {
	note: () => quietly(() => sessionStorage.setItem(CHANGED, Date.now())),
	ago: () => Date.now() - Number(quietly(() =>
		sessionStorage.getItem(CHANGED)) ?? 0),
};
function quietly(use) {
	try {
		return use();
	} catch {
		return undefined; /* storage is switched off */
	}
}

const sender = onDemand($('main'), async () => (await Promise.all([
	import('./api.mjs'), import('/requests.mjs')]))[0].api);

/*
 * send(): its job. lifted: when what was expected of it is nobody's any more.
 * What is read before that would have it laid over, and be kept so.
 */
async function settle(key, change, send, {anew, lifted} = {}) {
	changes.set(key, {...change, state: 'sent'});
	paint();
	try {
		const result = await (await send()).result();
		changes.set(key, {...change, id: result?.id ?? change.id,
			since: result?.since, state: 'confirmed'});
		/* given back before it was read: no read is going to show it */
		const added = `bundle add ${change.bundleId}`;
		if (change.kind === 'remove' &&
			changes.get(added)?.id === change.id)
			changes.delete(added);
		changed.note();
		paint();
		setTimeout(look, SETTLES, anew);
	} catch (error) {
		needSignIn(error);
		changes.set(key, {...change, why: why(change.kind, error),
			state: error.type === 'still-running' ?
				'still' : 'refused',
			again: () => settle(key, change, send, {anew: true})});
		paint();
		/* else nobody has said anything: nothing new is to be read */
		if (!KEPT_ON.includes(error.type)) {
			await lifted;
			await look(true);
		}
	}
}

const sent = {
	add: ({bundleId}) => ['POST v1/bundle', {bundleId}],
	remove: ({id}) => [`DELETE v1/bundle/${encodeURIComponent(id)}`, null],
};

function fire(key, change) {
	const scenario = $('#scenario')?.value;
	const {optimistic, lifted} = foresee(change);
	let job; /* again, it is looked at and not sent */
	const send = async () => job ??= (await sender()).fireAndForget(
		...sent[change.kind](change), {key, optimistic,
			headers: scenario ? {'gov-test-scenario': scenario} : {}});
	return settle(key, change, send, {lifted});
}

const add = (bundleId) => fire(`bundle add ${bundleId}`,
	{kind: 'add', bundleId});
const remove = (id, bundleId) => fire(`bundle remove ${bundleId} ${id}`,
	{kind: 'remove', bundleId, id});

/* What was under way when this window was loaded anew. */
async function resume() {
	const api = await sender();
	for (const {key} of api.kept()) {
		const [, kind, bundleId, id] = KEY.exec(key) ?? [];
		if (!kind)
			continue;
		const change = {kind, bundleId, id};
		const job = api.resume(key);
		/* it may not have arrived; done twice, it is still done once */
		if (job)
			settle(key, change, () => job, {anew: true});
		else
			fire(key, change);
	}
}

if (!needSignIn()) {
	for (const box of cards)
		$('button', box).addEventListener('click', () =>
			add(box.dataset.id));
	addEventListener('online', () => look());
	const resumed = hasSent() && resume().catch(() => {});
	await look();
	if (changed.ago() < SETTLES)
		setTimeout(look, SETTLES);
	/* expected by a page that is gone: nobody is going to settle it here */
	await resumed;
	if (read?.expected && !changes.size)
		await look(true);
}
