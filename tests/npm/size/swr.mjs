/* A hook that polls an address until it says that it is done. */
import useSWR from 'swr';

const json = async (url) => (await fetch(url)).json();

export const useStatus = (url) => useSWR(url, json, {
	refreshInterval: (state) =>
		/^(completed|failed|cancelled)$/.test(state?.status) ? 0 : 1000,
});
