import {connect} from '/requests.mjs';
import {openCache} from '/cache.mjs';
import {openCatalogue} from '../catalogue.mjs';
import {go} from '/oauth.mjs';
import './shared-stream.mjs';

const {LowtideJob} = await import('/lowtide-job.mjs');
export {useJob} from '/use-job.mjs?v=1';
export {connect, openCache, openCatalogue, go, LowtideJob};
