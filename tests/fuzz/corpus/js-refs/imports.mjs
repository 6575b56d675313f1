import React, {useState as state, 'a-b' as c} from 'react';
import * as lib from "./lib.mjs?x"; // from 'no'
import '#util';
export {state, from} from '@a/b';
export * from '../c.mjs';
const later = () => import('./d.mjs', {with: {}});
const text = `import '${'./e.mjs'}' from 'f'`, re = /from 'g'/;
import.meta.from('h');
