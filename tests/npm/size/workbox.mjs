/* Reads out of the Cache API: shown while asked anew, for a while; no writes. */
import {ExpirationPlugin} from 'workbox-expiration';
import {StaleWhileRevalidate} from 'workbox-strategies';

const strategy = new StaleWhileRevalidate({cacheName: 'reads',
	plugins: [new ExpirationPlugin({maxAgeSeconds: 300})]});

export const get = async (url, event) => (await strategy.handle(
	{request: new Request(url), event})).json();
