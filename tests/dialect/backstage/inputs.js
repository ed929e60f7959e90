// Says which inputs Backstage's actions have: no job in, one JSON result out.
//   node inputs.js NODE_MODULES
// The result: {ID: {names: [NAME], required: [NAME]}}.
'use strict';
const path = require('path');
const root = path.resolve(process.argv[2]);

// What an action is made with is not asked before it runs.
const anything = new Proxy(function () {}, { get: () => anything, apply: () => anything });
const found = {};
for (const name of [
  'plugin-scaffolder-backend',
  'plugin-scaffolder-backend-module-github',
]) {
  const made = require(path.join(root, '@backstage', name));
  for (const [key, create] of Object.entries(made)) {
    if (!/^create\w+Action$/.test(key) || key === 'createTemplateAction') continue;
    const action = create(anything);
    const { properties, required } = action.schema?.input ?? {};
    found[action.id] = { names: Object.keys(properties ?? {}), required: required ?? [] };
  }
}
process.stdout.write(`${JSON.stringify(found)}\n`);
