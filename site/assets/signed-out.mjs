/* Whoever comes here was signed out elsewhere; nothing of it is left. */
const {forget} =
	await import(document.getElementById('module-session').href);
forget();
