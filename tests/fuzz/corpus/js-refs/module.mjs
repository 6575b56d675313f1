import {a} from './a.mjs'; import "/assets/b.mjs"; export * from `./c.mjs`;
const re = /['"`]/g, text = `${re ? './d.js' : "e.js"}`; // don't
new Worker(new URL('../w.mjs?v=1#x', import.meta.url), {type: 'module'});
fetch("\/assets\/a%20b.json"); 'https://a.example/x.js'; '//b.example/y.js';
//# sourceMappingURL=module.mjs.map
